"""The generated datasets, small in vertices and complete in clips, made once for these tests.

datasets/ is no package: its scripts are imported by plain name, as they import each other. Both
have a prepare.py; by its plain name it is that of synthetic.
"""

import fcntl
import importlib.util
import json
import os
import sys
import wave
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

DATASETS = Path(__file__).parents[2] / "datasets"
SCRIPTS = ("synthetic", "people", "people/performance", "people/source")
sys.path[:0] = [str(DATASETS / name) for name in SCRIPTS]


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


@pytest.fixture(scope="session")
def prepare_people() -> ModuleType:
    """The module datasets/people/prepare.py."""
    spec = importlib.util.spec_from_file_location(
        "prepare_people", DATASETS / "people" / "prepare.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def people(tmp_path_factory, prepare_people):
    """All clips of the dataset of people on small heads, made by the command itself.

    Read only, and made once where several workers share the tests: it takes long.
    """
    from measure import People

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "people"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            assert prepare_people.main(["--out", str(folder)]) == 0
    return People(folder)


@pytest.fixture(scope="session")
def tiny_plan():
    """The plan of people cut down to two speakers, a sentence each and two takes."""
    from dataclasses import replace

    from plan import Split, read_plan

    splits = {
        "train": Split(subjects=("F1",), first=1, last=80, each=1, takes=1),
        "test_a": Split(subjects=("F1", "M4"), first=91, last=100, each=1, takes=2),
    }
    return replace(read_plan(), styles=("F1",), splits=splits)
