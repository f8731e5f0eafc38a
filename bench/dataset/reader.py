"""Reads a prepared dataset: topology, masks, clips.

Shapes   T motion frames, V vertices, K blendshape coefficients.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bench.common.files import sha256_of, sha256_of_file
from bench.data import BlendshapeMotion, Clip, DatasetSpec, Motion
from bench.dataset.manifest import GEOMETRY, prepare_hint, read_manifest

SPLITS = ("train", "val", "test_a", "test_b")


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
        """SHA-256 over what a step that reads these splits depends on."""
        clips = [e for e in self.manifest["clips"] if e["split"] in splits]
        geometry = {k: self.manifest[k] for k in GEOMETRY}
        return sha256_of([clips, geometry, self._files_hash])

    @cached_property
    def _files_hash(self) -> dict[str, str]:
        """SHA-256 of the shared arrays, of which the manifest has none."""
        names = ["faces.npy", "reference.npy"]
        if self.manifest["motion"] == "coefficients":
            names += [
                f"bases/{subject}.npy" for subject in sorted(self.manifest["templates_sha256"])
            ]
        return {name: self._file_hash(name) for name in names}

    def _file_hash(self, name: str) -> str:
        try:
            return sha256_of_file(self.folder / name)
        except FileNotFoundError as error:
            raise ValueError(
                f"{self.folder / name} does not exist; {prepare_hint(self.name)}"
            ) from error

    def template(self, subject: str) -> Float[Tensor, "V 3"]:
        """A subject's neutral face. Raises ValueError for a subject without one."""
        array = self._array(f"templates/{subject}.npy", (self.manifest["num_vertices"], 3))
        return torch.from_numpy(np.array(array, dtype=np.float32))

    def _clip(self, entry: dict[str, Any]) -> Clip:
        template = self.template(entry["subject"])
        return Clip(
            name=entry["name"],
            subject=entry["subject"],
            sentence=entry["sentence"],
            take=entry["take"],
            split=entry["split"],
            style=entry["style"],
            template=template,
            motion=self._motion(entry, template.numpy()),
            audio_path=self.folder / "audio" / f"{entry['audio']}.wav",
            text=entry["text"],
            phonemes=tuple((p, s, e) for p, s, e in entry["phonemes"]),
        )

    def _motion(self, entry: dict[str, Any], template: np.ndarray) -> Motion:
        num_frames, num_vertices = entry["frames"], self.manifest["num_vertices"]
        if num_frames < 1:
            raise ValueError(f"{entry['name']}: expected at least one frame, got {num_frames}")
        if self.manifest["motion"] == "vertices":
            return self._array(f"vertices/{entry['name']}.npy", (num_frames, num_vertices, 3))
        basis = self._array(f"bases/{entry['subject']}.npy", (None, num_vertices, 3))
        shape = (num_frames, len(basis))
        coefficients = self._array(f"coefficients/{entry['name']}.npy", shape)
        return BlendshapeMotion(template, coefficients, basis)

    def _indices(self, name: str, shape: tuple[int | None, ...]) -> Tensor:
        indices = np.array(self._array(name, shape), dtype=np.int64)
        if not len(indices) or indices.min() < 0 or indices.max() >= self.manifest["num_vertices"]:
            raise ValueError(f"{self.folder / name}: expected vertex indices of the mesh")
        return torch.from_numpy(indices)

    def _array(self, name: str, shape: tuple[int | None, ...] | None = None) -> np.ndarray:
        """A memory-mapped array whose shape is checked (None: any length)."""
        path = self.folder / name
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError as error:
            raise ValueError(f"{path} does not exist; {prepare_hint(self.name)}") from error
        except (ValueError, EOFError, OSError) as error:
            raise ValueError(
                f"{path} is not a readable array; {prepare_hint(self.name)}"
            ) from error
        if shape is not None and (
            array.ndim != len(shape)
            or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True))
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
