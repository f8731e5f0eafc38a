"""The generated dataset, small in vertices and complete in clips, made once for these tests.

datasets/ is no package: its scripts are imported by plain name, as they import each other.
"""

import json
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[2] / "datasets" / "synthetic"
sys.path.insert(0, str(SCRIPTS))


class PreparedSet:
    """A prepared dataset folder, read the plain way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))

    def clips(self, split: str, take: int = 0) -> list[dict]:
        entries = self.manifest["clips"]
        return [clip for clip in entries if clip["split"] == split and clip["take"] == take]

    def array(self, name: str) -> np.ndarray:
        return np.load(self.folder / f"{name}.npy")

    def mask(self, name: str) -> np.ndarray:
        return self.array(f"masks/{name}")

    def audio(self, clip: dict) -> np.ndarray:
        """PCM16 samples of the audio that a clip uses."""
        with wave.open(str(self.folder / "audio" / f"{clip['audio']}.wav")) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
            return np.frombuffer(file.readframes(file.getnframes()), "<i2")

    def motion(self, clip: dict) -> np.ndarray:
        """Vertices minus template, (T, V, 3) in metres."""
        basis = self.array(f"bases/{clip['subject']}")
        return np.tensordot(self.array(f"coefficients/{clip['name']}"), basis, axes=1)

    def vertices(self, clip: dict) -> np.ndarray:
        return self.array(f"templates/{clip['subject']}") + self.motion(clip)


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory) -> PreparedSet:
    """All clips of the default dataset on heads of 400 vertices, made by the command itself."""
    import prepare

    folder = tmp_path_factory.mktemp("data") / "synthetic"
    assert prepare.main(["--out", str(folder), "--vertices", "400"]) == 0
    return PreparedSet(folder)


@pytest.fixture(scope="session")
def tiny_facts():
    """The dataset's facts cut down to two subjects, two sentences and two takes."""
    from dataclasses import replace

    from facts import Split, read_facts

    splits = {
        "train": Split(subjects=("F1",), sentences=(1,), takes=1),
        "test_a": Split(subjects=("F1", "M1"), sentences=(11,), takes=2),
    }
    return replace(read_facts(), styles=("F1",), splits=splits)
