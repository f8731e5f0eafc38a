"""A small study: a toy dataset, invented predictions of four rows, and answers to it."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.dataset.reader import load_dataset
from bench.evaluation.kept_samples import kept_name, write_kept
from bench.results import RunResult, write_results
from reports.inputs.published import rated_rows
from reports.inputs.results import read_datasets
from reports.study.building import build_study
from reports.study.records import Key, Stimulus
from reports.study.stimuli import Chosen, choose
from reports.text.labels import GROUND_TRUTH

SIZE = 96  # pixels
SHORTER = 3  # frames that the predictions of one row lack


def invent(root: Path, data: Path, make: SimpleNamespace) -> None:
    """Results and stored predictions of the paper's rows: the ground truth with more motion."""
    dataset = load_dataset("toy", data)
    for i, row in enumerate(rated_rows()):
        keys = {"predict": f"{i:032x}"}
        runs = tuple(RunResult(seed=s, status="done", keys=keys) for s in (1, 0))
        results = make.method_results(row, runs, dataset="toy")
        write_results(root / "results" / "toy" / f"{row}.json", results)
        for clip in dataset.clips("test_b"):
            for style in dataset.spec.styles:
                neutral = clip.template.numpy()
                motion = neutral + (1 + i) * (clip.vertices.numpy() - neutral)
                motion = motion[: len(motion) - SHORTER * (row == "codetalker")]
                folder = root / "runs" / keys["predict"]
                path = folder / kept_name("test_b", clip.name, style)
                write_kept(path, [motion.astype(np.float32)], 1, 0.0)


@pytest.fixture(scope="session")
def invented(tmp_path_factory: pytest.TempPathFactory, prepared: Path, make: Any) -> Path:
    """A folder with results/ and runs/ of the toy dataset. Read only."""
    root = tmp_path_factory.mktemp("invented")
    invent(root, prepared, make)
    return root


@pytest.fixture(scope="session")
def chosen(invented: Path, prepared: Path) -> list[Chosen]:
    """What the study shows."""
    return choose(read_datasets(invented / "results"), prepared, rated_rows(), 20, None, 0)


@pytest.fixture(scope="session")
def built(
    tmp_path_factory: pytest.TempPathFactory, invented: Path, chosen: list[Chosen]
) -> tuple[Path, Key]:
    """The questionnaire and its key."""
    return build_study(chosen, invented / "runs", tmp_path_factory.mktemp("study"), 0, SIZE)


@pytest.fixture(scope="session")
def key(built: tuple[Path, Key]) -> Key:
    """The key of the study."""
    return built[1]


def careful(stimulus: Stimulus, question: str) -> int:
    """Ratings of someone who looks and listens: the ground truth is best, then gldi."""
    if stimulus.check is not None:
        return 1
    best = {GROUND_TRUTH: 5, "gldi": 4, "codetalker": 3, "facediffuser": 2, "faceformer": 2}
    return best[stimulus.source] - (question == "realism" and stimulus.source == "faceformer")


@pytest.fixture
def answer(key: Key, tmp_path: Path) -> Callable[..., Path]:
    """A function that writes an answer file; keyword arguments change its fields."""

    def write(participant: str, rate: Any = careful, name: str = "", **changes: Any) -> Path:
        document = {
            "format": "talking-face-bench study answers 1",
            "study": key.study,
            "participant": participant,
            "session": participant.encode().hex().ljust(32, "0")[:32],
            "started": "2026-01-05T10:00:00.000Z",
            "finished": "2026-01-05T10:20:00.000Z",
            "answers": [
                {
                    "stimulus": stimulus,
                    "realism": rate(key.stimuli[stimulus], "realism"),
                    "lip_sync": rate(key.stimuli[stimulus], "lip_sync"),
                    "plays": 1,
                    "seconds": 6.5,
                }
                for stimulus in key.stimuli
            ],
        }
        path = tmp_path / "answers" / f"{name or participant}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document | changes))
        return path

    return write
