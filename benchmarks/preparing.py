"""Time and memory of preparing a BIWI of full size, which is generated for it and deleted again.

    python benchmarks/preparing.py               # 100 clips x 120 frames, 7 GB of disk
    python benchmarks/preparing.py --clips 10

The head is the generated dataset's with BIWI's number of vertices; frames are .vl files in
archives, as in the raw release. What is measured is ``datasets/biwi/prepare.py`` itself.

Units    seconds, GB, MB per second; memory is the highest resident set of the parent and of its
         largest worker.
"""

import io
import os
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer
import yaml

ROOT = Path(__file__).resolve().parents[1]
SUBJECTS = ("F2", "F3", "F4", "M3", "M4", "M5")
RATE = 44_100  # Hz


def write_release(raw: Path, datasets: Path, num_clips: int, num_frames: int) -> None:
    """Archives of frames, templates and sound; a copy of the card with as many sequences."""
    sys.path.insert(0, str(ROOT / "datasets/synthetic"))
    from head_set import HeadSet

    heads = HeadSet(23370)
    template, faces = heads.reference().astype(np.float64) * 1000, heads.grid.faces
    jaw = np.clip(-template[:, 1], 0, None) / np.abs(template[:, 1]).max()
    _write_card(datasets, num_clips)
    for k, subject in enumerate(SUBJECTS):
        face = template * (1 + 0.01 * k) * [1, -1, -1]
        _write_obj(raw / "rigid_scans" / f"{subject}.obj", face, faces)
    for number in range(num_clips):
        subject, sequence = SUBJECTS[number % 6], f"e{number // 6 + 1:02d}"
        face = (template * (1 + 0.01 * (number % 6)) * [1, -1, -1]).astype(np.float32)
        opened = 6 * np.sin(np.arange(num_frames) * 0.4 + number) ** 2
        frames = (face + np.float32(by) * jaw[:, None] * np.float32([0, 1, 0]) for by in opened)
        path = raw / "faces" / subject / f"{sequence}.tar"
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w") as archive:
            for frame, vertices in enumerate(frames):
                data = len(face).to_bytes(4, "little") + vertices.astype("<f4").tobytes()
                member = tarfile.TarInfo(f"frame_{frame + 1:03d}.vl")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        sound = raw / "audio" / f"{subject}_{sequence}.wav"
        sound.parent.mkdir(parents=True, exist_ok=True)
        draws = np.random.default_rng(number)
        soundfile.write(sound, 0.1 * draws.standard_normal(round(num_frames / 25 * RATE)), RATE)


def _write_card(datasets: Path, num_clips: int) -> None:
    shutil.copytree(
        ROOT / "datasets/biwi", datasets / "biwi", ignore=shutil.ignore_patterns("__pycache__")
    )
    path = datasets / "biwi" / "dataset.yaml"
    card = yaml.safe_load(path.read_text())
    last = -(-num_clips // 6)
    card["splits"] = {"train": {"subjects": "train", "sentences": [1, last]}}
    path.write_text(yaml.safe_dump(card))


def _write_obj(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += [f"f {a} {b} {c}" for a, b, c in faces + 1]
    path.write_text("\n".join(lines))


def main(
    clips: Annotated[int, typer.Option(min=1, help="Sequences.")] = 100,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each.")] = 120,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Write a fake release, prepare it, and say how long that took."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_release(root / "raw", root / "datasets", clips, frames)
        size = sum(path.stat().st_size for path in (root / "raw").rglob("*") if path.is_file())
        print(f"{clips} clips x {frames} frames x 23370 vertices: {size / 1e9:.2f} GB of raw files")
        command = [sys.executable, "datasets/biwi/prepare.py", "--raw", str(root / "raw")]
        command += ["--out", str(root / "data"), "--workers", str(workers)]
        environment = {**os.environ, "BENCH_CACHE": str(root / "cache"), "OMP_NUM_THREADS": "1"}
        clock = time.monotonic()
        subprocess.run(command, cwd=root, env=environment, check=True)
        seconds = time.monotonic() - clock
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        print(
            f"prepared in {seconds:.0f} s with {workers} workers: {clips / seconds:.2f} clips/s, "
            f"{size / 1e6 / seconds:.0f} MB/s; largest process {peak / 1e9:.2f} GB"
        )
        clock = time.monotonic()
        subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
        print(f"again, with everything there: {time.monotonic() - clock:.1f} s")


if __name__ == "__main__":
    typer.run(main)
