"""A tiny prepared dataset, a project folder around it, and two toy methods, for every test.

Nothing here touches the repository's own cache or data: a project is a folder of its own.

Shapes   S audio samples, T frames, V vertices, K coefficients.
Units    audio at 16 kHz; vertices in m; 25 frames per second.
"""

import bench  # noqa: F401  # first: it tells numpy and torch how to compute

# isort: split
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from jaxtyping import install_import_hook

# not by jaxtyping's plugin: it imports numpy before a conftest can say how to compute
install_import_hook(("bench", "methods", "reports"), "beartype.beartype")

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "helpers"))  # modules that several tests share
FPS, RATE = 25, 16_000
ROWS, COLUMNS = 6, 7  # of a sheet of vertices that stands for a face
NUM_VERTICES = ROWS * COLUMNS
MASKS = {
    "lips": np.arange(0, 6),
    "mouth": np.arange(0, 14),
    "upper_face": np.arange(28, 42),
    "eyes": np.arange(35, 42),
}
# clip, split, takes besides take 0; subjects F1 and M1 speak in training, F2 does not
CLIPS = (
    *((f"{subject}_{n:02d}", "train", 0) for subject in ("F1", "M1") for n in (1, 2, 3)),
    ("F1_04", "val", 0),
    ("M1_04", "val", 0),
    ("F1_05", "test_a", 2),
    ("F1_06", "test_a", 1),
    ("M1_05", "test_a", 0),
    ("M1_06", "test_a", 1),
    ("F2_05", "test_b", 0),
    ("F2_06", "test_b", 0),
)
STYLES = ("F1", "M1")


def write_toy_dataset(
    root: Path, name: str = "toy", motion: str = "vertices", num_frames: int = 26
) -> Path:
    """Write ``root/name`` in the canonical format; clips have ``num_frames`` frames or a few less.

    Loudness opens the mouth, so a method can learn; the upper face moves by chance.
    """
    folder = root / name
    template, faces = _sheet()
    templates = {s: (template * scale).astype(np.float32) for s, scale in _sizes().items()}
    _save(folder / "faces.npy", faces)
    _save(folder / "reference.npy", template)
    for mask, indices in MASKS.items():
        _save(folder / "masks" / f"{mask}.npy", indices.astype(np.int32))
    for subject, neutral in templates.items():
        _save(folder / "templates" / f"{subject}.npy", neutral)
        if motion == "coefficients":
            _save(folder / "bases" / f"{subject}.npy", _basis(subject))
    clips = [
        _write_clip(folder, motion, clip, take, split, num_frames, templates)
        for clip, split, takes in CLIPS
        for take in range(takes + 1)
    ]
    manifest = {
        "schema": 2,
        "name": name,
        "generated": True,
        "description": "A sheet that moves with the loudness of a hum.",
        "fps": FPS,
        "unit": "m",
        "unit_to_mm": 1000.0,
        "num_vertices": NUM_VERTICES,
        "styles": list(STYLES),
        "motion": motion,
        "masks": {
            mask: {"size": len(i), "sha256": _sha(i.astype("<i4")), "origin": "procedural: rows"}
            for mask, i in MASKS.items()
        },
        "mouth_pairs": [[1, 8], [3, 10]],
        "mouth_opening_pair": [3, 10],
        "clips": clips,
        "templates_sha256": {subject: _sha(neutral) for subject, neutral in templates.items()},
        "generator": {"rows": ROWS, "columns": COLUMNS},
        "files": file_hashes(folder),
    }
    write_manifest(folder, manifest)
    return folder


def file_hashes(folder: Path) -> dict[str, str]:
    """Name -> SHA-256 of every file of a dataset but its manifest."""
    paths = [p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json"]
    return {p.relative_to(folder).as_posix(): _sha(p.read_bytes()) for p in sorted(paths)}


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write manifest.json as every prepared dataset has it: with its own hash in it."""
    from bench.common.files import sealed

    text = json.dumps(sealed(manifest), sort_keys=True, indent=1)
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def _write_clip(
    folder: Path,
    motion: str,
    clip: str,
    take: int,
    split: str,
    num_frames: int,
    templates: dict[str, np.ndarray],
) -> dict[str, Any]:
    subject, sentence = clip.split("_")
    frames = num_frames - int(sentence) % 4
    samples = frames * RATE // FPS + 100  # a little more than the frames need
    loudness = _loudness(int(sentence), frames)
    name = clip if take == 0 else f"{clip}-take{take}"
    coefficients = _coefficients(f"{subject}{sentence}{take}", loudness)
    if motion == "coefficients":
        stored = coefficients
        _save(folder / "coefficients" / f"{name}.npy", stored)
    else:
        offsets = np.tensordot(coefficients, _basis(subject), 1)
        stored = (templates[subject] + offsets).astype(np.float32)
        _save(folder / "vertices" / f"{name}.npy", stored)
    hum = np.sin(2 * np.pi * 150 * np.arange(samples) / RATE)
    hum = hum * np.interp(np.arange(samples) * FPS / RATE, np.arange(frames), loudness)
    pcm = np.round(hum * 20_000).astype("<i2")
    if take == 0:
        path = folder / "audio" / f"{clip}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, pcm, RATE, subtype="PCM_16")
    return {
        "name": name,
        "subject": subject,
        "sentence": int(sentence),
        "text": "hum hum",
        "take": take,
        "audio": clip,
        "split": split,
        "frames": frames,
        "samples": samples,
        "audio_sha256": _sha(pcm),
        "motion_sha256": _sha(stored),
        "phonemes": [["m", 0.0, frames / FPS]],
        "style": STYLES.index(subject) if subject in STYLES else None,
    }


def _sheet() -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) of a slightly bent sheet of 10 cm, and its faces (F, 3)."""
    y, x = np.divmod(np.arange(NUM_VERTICES), COLUMNS)
    points = np.stack([x - 3, y - 2.5, 0.2 * np.cos(x)], axis=1) * 0.016
    corner = (np.arange(ROWS - 1)[:, None] * COLUMNS + np.arange(COLUMNS - 1)).reshape(-1, 1)
    halves = [[0, 1, COLUMNS + 1], [0, COLUMNS + 1, COLUMNS]]
    faces = np.concatenate([corner + half for half in halves])
    return points.astype(np.float32), faces.astype(np.int32)


def _sizes() -> dict[str, float]:
    return {"F1": 1.0, "M1": 1.1, "F2": 0.9}


def _basis(subject: str) -> np.ndarray:
    """(K, V, 3): lower lip down, upper face up, and a sway of everything."""
    basis = np.zeros((3, NUM_VERTICES, 3), np.float32)
    basis[0, 0:7, 1] = -0.010 * _sizes()[subject]
    basis[1, 28:42, 1] = 0.002
    basis[2, :, 0] = 0.0005
    return basis


def _coefficients(seed: str, loudness: np.ndarray) -> np.ndarray:
    """(T, K) float32: the mouth follows the loudness, the rest is the take's own."""
    draws = np.random.default_rng(int(_sha(seed.encode())[:8], 16)).standard_normal(4)
    time = np.arange(len(loudness)) / FPS
    brows, sway = np.sin(6 * time + draws[0]), np.sin(3 * time + draws[1])
    mouth = loudness * (1 + 0.05 * draws[2])
    return np.stack([mouth, brows, sway], axis=1).astype(np.float32)


def _loudness(sentence: int, frames: int) -> np.ndarray:
    time = np.arange(frames) / FPS
    return 0.5 + 0.45 * np.sin(2 * np.pi * (1.5 + 0.4 * sentence) * time + sentence)


def _save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def _sha(data: Any) -> str:
    return hashlib.sha256(bytes(memoryview(data).cast("B"))).hexdigest()


@dataclass(frozen=True)
class Project:
    """A folder that commands run in: params.yaml, prepared data, a cache, toy methods."""

    root: Path
    runs: Path
    data: Path
    toys: Path  # folders of the toy methods with their presets

    def edit_manifest(
        self, change: Callable[[dict[str, Any]], Any] = lambda _: None, dataset: str = "toy"
    ) -> None:
        """Change the manifest of a dataset of one's own (see the fixture own_data).

        Its files are then as if they had been prepared so, whatever they are.
        """
        path = self.data / dataset / "manifest.json"
        manifest = json.loads(path.read_text())
        manifest["files"] |= file_hashes(path.parent)
        change(manifest)
        write_manifest(path.parent, manifest)


PARAMS = """
profile: mini
datasets: [toy]
methods: [talker, still]
profiles:
  mini: {preset: mini, datasets: [toy], seeds: [0]}
  seeds: {preset: mini, datasets: [toy], seeds: [0, 1]}
"""
TABLE = {"talker": "toy_talker:ToyTalker", "still": "toy_still:ToyStill"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start the files that take longest first, where several processes share the tests."""
    from selection import seconds

    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: -seconds(item.path.relative_to(config.rootpath).as_posix()))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Sums depend on the number of threads; tests compare bits."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two prepared datasets: toy (vertices) and shapes (coefficients). Read only."""
    root = tmp_path_factory.mktemp("data")
    write_toy_dataset(root, "toy", "vertices")
    write_toy_dataset(root, "shapes", "coefficients")
    return root


@pytest.fixture
def write_dataset(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a toy dataset of its own: name, motion, num_frames; returns it."""
    return lambda **changes: write_toy_dataset(tmp_path / "data", **changes)


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the toy methods, importable in this process and in the ones it starts."""
    folder = tmp_path_factory.mktemp("toys") / "toy"
    shutil.copytree(HERE / "toy", folder, ignore=shutil.ignore_patterns("__pycache__"))
    sys.path[:0] = [str(folder / "talker"), str(folder / "still")]
    return folder


@pytest.fixture(scope="session")
def releases() -> Any:
    """The module that writes miniature releases of the real datasets."""
    sys.path.insert(0, str(HERE / "fakes"))
    return import_module("fake_releases")


@pytest.fixture
def project(prepared: Path, toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project around the shared data, which is the working directory."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "params.yaml").write_text(PARAMS)
    monkeypatch.chdir(root)
    monkeypatch.setenv("BENCH_RUNS", str(root / "runs"))
    monkeypatch.setenv("BENCH_DATA", str(prepared))
    monkeypatch.setenv("PYTHONPATH", f"{toys / 'talker'}:{toys / 'still'}", prepend=os.pathsep)
    return Project(root, root / "runs", prepared, toys)


@pytest.fixture
def own_data(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project with a dataset toy of its own, which a test may damage."""
    data = project.root / "data"
    shutil.copytree(project.data / "toy", data / "toy")
    monkeypatch.setenv("BENCH_DATA", str(data))
    return Project(project.root, project.runs, data, project.toys)


@pytest.fixture
def table() -> Any:
    """The registry of the toy methods."""
    from bench.registry.rows import Registry

    return Registry(TABLE)
