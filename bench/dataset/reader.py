"""Reads a prepared dataset: topology, masks, clips.

Shapes   T motion frames, V vertices, K blendshape coefficients; of drawn parts P points, D faces.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bench.common.files import check_content, sha256_of
from bench.data import BlendshapeMotion, Clip, DatasetSpec, Motion
from bench.dataset.drawn import Drawn
from bench.dataset.manifest import (
    DRAWN,
    GEOMETRY,
    OF_CLIPS,
    prepare_command,
    prepare_hint,
    read_manifest,
)

SPLITS = ("train", "val", "test_a", "test_b")


@dataclass(frozen=True)
class StoredMotion:
    """A clip's memory-mapped file, whose content is checked before a frame of it is read."""

    array: np.ndarray  # (T, V, 3) or (T, K)
    check: Callable[[], object]  # raises ValueError

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, frames: slice) -> np.ndarray:
        self.check()
        return self.array[frames]


@dataclass(frozen=True)
class Dataset:
    """A prepared dataset folder (``data/<name>``); nothing but the manifest is read at first."""

    folder: Path
    manifest: dict[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """The dataset's name, as in ``data/<name>``."""
        return self.manifest["name"]

    @property
    def generated(self) -> bool:
        """True when the data is generated: no number on it reproduces a paper's."""
        return self.manifest["generated"]

    @cached_property
    def spec(self) -> DatasetSpec:
        """Topology, masks and styles. Raises ValueError for files that do not fit together."""
        template = self._array("reference.npy", (self.manifest["num_vertices"], 3))
        names = sorted(self.manifest["masks"])
        return DatasetSpec(
            name=self.name,
            fps=float(self.manifest["fps"]),
            unit=self.manifest["unit"],
            faces=self._indices("faces.npy", (None, 3)),
            template=torch.from_numpy(np.array(template, dtype=np.float32)),
            masks={name: self._indices(f"masks/{name}.npy", (None,)) for name in names},
            styles=tuple(self.manifest["styles"]),
        )

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the units that motion is stored in; none where it is stored otherwise."""
        return tuple(self.manifest["channels"]) if self.manifest["motion"] == "units" else ()

    @cached_property
    def units(self) -> np.ndarray | None:
        """What each channel moves at full weight, (K, V, 3), the same for all subjects, or None."""
        if not self.channels:
            return None
        return self._array("units.npy", (len(self.channels), self.manifest["num_vertices"], 3))

    def drawn(self, subject: str) -> Drawn | None:
        """A subject's irises, teeth and tongue; None for a dataset of units without them, and for
        every other one. Raises ValueError for files that do not fit together."""
        if not self.channels or not self.manifest.get("drawn"):
            return None
        rest = self._array(f"{DRAWN}/{subject}.npy", (None, 3))
        size = len(rest)
        faces = self._array(f"{DRAWN}/faces.npy", (None, 3))
        spans = {name: (start, end) for name, (start, end) in self.manifest["drawn"].items()}
        if not len(faces) or faces.min() < 0 or faces.max() >= size:
            raise ValueError(
                f"{self.folder / DRAWN / 'faces.npy'}: expected indices of its {size} points"
            )
        for name, (start, end) in spans.items():
            if not 0 <= start < end <= size:
                raise ValueError(
                    f"{self.folder}: drawn, {name}: [{start}, {end}] are not its {size} points; "
                    f"{prepare_hint(self.name)}"
                )
        return Drawn(
            faces=np.asarray(faces),
            colours=np.asarray(self._array(f"{DRAWN}/colours.npy", (size, 3))),
            rest=np.asarray(rest),
            units=self._array(f"{DRAWN}/units.npy", (len(self.channels), size, 3)),
            spans=spans,
        )

    def clips(self, split: str) -> list[Clip]:
        """A split's clips in manifest order, take 0 only. Raises ValueError if it is unknown."""
        if split not in SPLITS:
            raise ValueError(f"Unknown split {split!r}. Known splits: {', '.join(SPLITS)}")
        entries = [e for e in self.manifest["clips"] if e["split"] == split and e["take"] == 0]
        return [self._clip(entry) for entry in entries]

    def shown_clips(self) -> list[Clip]:
        """Clips that figures and the ground truth's own rows are made of: test_a, else test_b.

        Raises ValueError for a dataset without test clips.
        """
        found = self.clips("test_a") or self.clips("test_b")
        if not found:
            raise ValueError(f"{self.name} has no test clips; {prepare_hint(self.name)}")
        return found

    def takes(self, clip: Clip) -> list[Clip]:
        """Every take of a clip's audio, the clip itself first; a list of one where there is one."""
        entries = [e for e in self.manifest["clips"] if e["audio"] == clip.audio_path.stem]
        return [self._clip(entry) for entry in sorted(entries, key=lambda e: e["take"])]

    def clips_hash(self, splits: tuple[str, ...]) -> str:
        """SHA-256 over what a step that reads these splits depends on, files by their hashes."""
        clips = [e for e in self.manifest["clips"] if e["split"] in splits]
        geometry = {k: self.manifest[k] for k in GEOMETRY}
        names = {str(e[key]) for e in clips for key in ("name", "audio")}
        files = {
            file: sha256
            for file, sha256 in self.manifest["files"].items()
            if (folder := file.partition("/")[0]) != DRAWN
            and (folder not in OF_CLIPS or PurePosixPath(file).stem in names)
        }
        return sha256_of([clips, geometry, files])

    def problems(self) -> Iterator[str]:
        """What is wrong with the content of its files, a line each; every file is read."""
        for name in self.manifest["files"]:
            try:
                self._checked(name)
            except ValueError as error:
                yield str(error)

    def _checked(self, name: str) -> Path:
        """The path of a file. Raises ValueError for another content than the manifest says."""
        path, expected = self.folder / name, self.manifest["files"].get(name)
        if expected is None:
            raise ValueError(f"{path} is not in the manifest; {prepare_hint(self.name)}")
        return check_content(path, expected, prepare_command(self.name))

    def template(self, subject: str) -> Float[Tensor, "V 3"]:
        """A subject's neutral face. Raises ValueError for a subject without one."""
        array = self._array(f"templates/{subject}.npy", (self.manifest["num_vertices"], 3))
        return torch.from_numpy(np.array(array, dtype=np.float32))

    def _clip(self, entry: dict[str, Any]) -> Clip:
        template = self.template(entry["subject"])
        sound = f"audio/{entry['audio']}.wav"
        return Clip(
            name=entry["name"],
            subject=entry["subject"],
            sentence=entry["sentence"],
            take=entry["take"],
            split=entry["split"],
            style=entry["style"],
            template=template,
            motion=self._motion(entry, template.numpy()),
            audio_path=self.folder / sound,
            audio_sha256=self.manifest["files"].get(sound, "missing in the manifest"),
            text=entry["text"],
            phonemes=tuple((p, s, e) for p, s, e in entry["phonemes"]),
            words=tuple((w, float(s), float(e)) for w, s, e in entry.get("words", ())),
        )

    def _motion(self, entry: dict[str, Any], template: np.ndarray) -> Motion:
        num_frames, num_vertices = entry["frames"], self.manifest["num_vertices"]
        if num_frames < 1:
            raise ValueError(f"{entry['name']}: expected at least one frame, got {num_frames}")
        if self.manifest["motion"] == "vertices":
            return self._stored(f"vertices/{entry['name']}.npy", (num_frames, num_vertices, 3))
        basis = self.units
        if basis is None:
            basis = self._array(f"bases/{entry['subject']}.npy", (None, num_vertices, 3))
        shape = (num_frames, len(basis))
        coefficients = self._stored(f"coefficients/{entry['name']}.npy", shape)
        return BlendshapeMotion(template, coefficients, basis)

    def _stored(self, name: str, shape: tuple[int | None, ...]) -> "StoredMotion":
        """Opened now, and compared with the manifest when it is read: it may be large."""
        return StoredMotion(self._open(name, shape), partial(self._checked, name))

    def _indices(self, name: str, shape: tuple[int | None, ...]) -> Tensor:
        indices = np.array(self._array(name, shape), dtype=np.int64)
        if not len(indices) or indices.min() < 0 or indices.max() >= self.manifest["num_vertices"]:
            raise ValueError(f"{self.folder / name}: expected vertex indices of the mesh")
        return torch.from_numpy(indices)

    def _array(self, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
        """An array whose content and shape (None: any length) are checked."""
        self._checked(name)
        return self._open(name, shape)

    def _open(self, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
        """A memory-mapped array whose shape is checked."""
        path = self.folder / name
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError as error:
            raise ValueError(f"{path} does not exist; {prepare_hint(self.name)}") from error
        except (ValueError, EOFError, OSError) as error:
            raise ValueError(
                f"{path} is not a readable array; {prepare_hint(self.name)}"
            ) from error
        if array.ndim != len(shape) or any(
            n not in (None, m) for n, m in zip(shape, array.shape, strict=True)
        ):
            expected = " x ".join("any" if n is None else str(n) for n in shape)
            raise ValueError(f"{path}: expected shape {expected}, got {array.shape}")
        return array


def load_dataset(name: str, root: Path = Path("data")) -> Dataset:
    """The prepared dataset ``root/name``. Raises ValueError if it is missing or of another kind."""
    folder = root / name
    if not (folder / "manifest.json").exists():
        known = sorted(path.parent.name for path in root.glob("*/manifest.json"))
        raise ValueError(
            f"Dataset {name!r} is not prepared in {root}/ (there: {', '.join(known) or 'none'}); "
            f"{prepare_hint(name)}"
        )
    return Dataset(folder, read_manifest(folder))
