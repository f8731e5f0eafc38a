"""`bench score` on folders as published code writes them, through the real command."""

import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.dataset import card as cards
from bench.results import read_results

ROOT = Path(__file__).parents[3]
GOLDEN = json.loads((ROOT / "tests/golden/metrics.json").read_text())
SUBJECTS = ("F2", "F3", "F4", "M3", "M4", "M5")
SENTENCES = ("e37", "e38", "e39", "e40")


@pytest.fixture(autouse=True)
def no_project(tmp_path, monkeypatch):
    """A folder with nothing prepared; the cards of the repository."""
    (tmp_path / "datasets").symlink_to(ROOT / "datasets")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))


def score(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["score", *map(str, arguments)])
    if isinstance(result.exception, ValueError):
        return 1, str(result.exception)
    return result.exit_code, result.output


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal(shape)


def write_case(folder: Path, case: int) -> list[object]:
    """The golden arrays by the rule in metrics.json; returns the options that name them."""
    v = GOLDEN["case_1"]["rule"]["vertices"]
    lips = list(range(2, v, 5))
    upper = sorted(set(range(7, v, 3)) - set(lips))
    for name in ("gt", "pred", "regions"):
        (folder / name).mkdir(parents=True)
    (folder / "regions/lve.txt").write_text(", ".join(map(str, lips)))
    (folder / "regions/fdd.txt").write_text(", ".join(map(str, upper)))
    templates = {}
    for i, subject in enumerate(SUBJECTS):
        templates[subject] = draw(1000 + i, v, 3) * 0.2
        flat = templates[subject].reshape(1, -1)
        for j, sentence in enumerate(SENTENCES):
            clip = f"{subject}_{sentence}"
            noise = 0.008 if case == 1 or (i + j) % 2 == 0 else 0.012
            np.save(folder / f"gt/{clip}.npy", flat + draw(2000 + 10 * i + j, 3 + j, 3 * v) * 0.01)
            predicted = flat + draw(3000 + 10 * i + j, 4 + j, 3 * v) * noise
            path = folder / f"pred/{clip}_condition_{subject}.npy"
            np.save(path, predicted.astype(np.float32))
    (folder / "templates.pkl").write_bytes(pickle.dumps(templates))
    return ["--dataset", "biwi", "--pred", folder / "pred", "--gt", folder / "gt"] + [
        *("--templates", folder / "templates.pkl", "--regions", folder / "regions")
    ]


@pytest.mark.parametrize("case", [1, 2])
def test_both_golden_cases_written_as_folders_score_as_published(tmp_path, case):
    options = write_case(tmp_path / "case", case)
    code, printed = score(*options, "--out", tmp_path / "scores.json")
    assert code == 0, printed
    results = read_results(tmp_path / "scores.json")
    (run,) = results.runs
    expected = GOLDEN[f"case_{case}"]["expected"]
    for name in ("lve", "lve_clip_average", "fdd", "fdd_abs", "mve"):
        assert run.value("test_a", name) == pytest.approx(expected[name], rel=1e-10)
        assert f"{expected[name]:.4g}" in printed
    split = run.splits["test_a"]
    assert split.frames_scored == expected["frames"] and split.frames_cut == 24
    assert results.mask_sizes["mouth"] == GOLDEN["case_1"]["expected"]["lip_vertices"]
    assert "the published one has 4996" in results.mask_origins["mouth"]
    assert results.mask_origins["mouth"] in " ".join(printed.split())
    assert run.value("test_a", "diversity") is None  # one sample says nothing of variety
    assert results.missing_clips == 32  # test_b was not predicted


@pytest.fixture
def small(tmp_path, monkeypatch) -> Path:
    """50 vertices, 5 clips of 4 to 8 frames with 3 samples each: the golden case of Diversity."""
    folder = tmp_path / "small"
    for name in ("gt", "pred", "regions"):
        (folder / name).mkdir(parents=True)
    (folder / "regions/lve.txt").write_text("1,2,3")
    (folder / "regions/fdd.txt").write_text("7,8,9,10")
    for c in range(5):
        np.save(folder / f"gt/F2_e{37 + c}.npy", np.zeros((4 + c, 50, 3)))
        for k in range(3):
            path = folder / f"pred/F2_e{37 + c}_condition_F2_{k}.npy"
            np.save(path, draw(7000 + 10 * c + k, 4 + c, 50, 3) * 0.01)
    (folder / "templates.pkl").write_bytes(pickle.dumps({"F2": np.zeros((50, 3))}))
    return folder


def options_of(folder: Path, **changes: object) -> list[object]:
    given = {
        "dataset": "biwi",
        "pred": folder / "pred",
        "gt": folder / "gt",
        "templates": folder / "templates.pkl",
        "regions": folder / "regions",
        **changes,
    }
    return [x for k, v in given.items() if v is not None for x in (f"--{k.replace('_', '-')}", v)]


def test_samples_of_one_clip_have_the_golden_diversity(small, tmp_path):
    assert score(*options_of(small, out=tmp_path / "s.json"))[0] == 0
    (run,) = read_results(tmp_path / "s.json").runs
    expected = GOLDEN["diversity"]["expected"]  # a mean of clips; ours weighs by its own pooling
    clips = run.splits["test_a"].metrics["diversity"].clips
    assert np.mean([c.total / c.weight for c in clips]) == pytest.approx(expected, rel=1e-10)
    assert run.value("test_a", "diversity") == pytest.approx(expected, rel=1e-10)
    assert run.num_samples == 3


def test_vocasets_names_frames_and_styles(tmp_path):
    """Subjects with underscores, 60 frames per second on disk, all styles for unseen subjects."""
    folder = tmp_path / "v"
    for name in ("gt", "pred", "regions"):
        (folder / name).mkdir(parents=True)
    (folder / "regions/lve.txt").write_text("1,2,3")
    clip, template = "FaceTalk_170809_00138_TA_sentence21", draw(0, 60, 3)
    truth = template + draw(1, 9, 60, 3)
    np.save(folder / f"gt/{clip}.npy", truth.reshape(9, -1))
    styles = cards.read_card("vocaset").styles
    for k, style in enumerate(styles):
        predicted = (truth[::2] + 0.1 * (k + 1) * np.array([1, 0, 0])).astype(np.float32)
        np.save(folder / f"pred/{clip}_condition_{style}.npy", predicted)
    (folder / "templates.pkl").write_bytes(pickle.dumps({"FaceTalk_170809_00138_TA": template}))
    code, printed = score(*options_of(folder, dataset="vocaset", out=folder / "s.json"))
    assert code == 0, printed
    (run,) = read_results(folder / "s.json").runs
    split = run.splits["test_b"]
    assert set(run.splits) == {"test_b"} and split.conditioning == "all training styles"
    assert split.frames_scored == 8 * 5 and split.frames_cut == 0
    assert run.value("test_b", "mve") == pytest.approx(0.45, rel=1e-5)  # mean of 0.1 to 0.8
    assert split.best_style["mve"] == pytest.approx(0.1, rel=1e-5)
    assert re.search(r"│ mve\s*│ m\s*│\s*0\.45 │\s*0\.45 │\s*0\.1 │", printed), printed
    assert "geometric fallback" in " ".join(printed.split())  # no fdd.txt
    code, printed = score(*options_of(folder, dataset="vocaset", gt_fps=30))
    assert code == 0 and "20 cut" not in printed and "32 cut" in printed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gt": None}, r"biwi is not prepared in .*, so give --gt FOLDER \(.*\) too"),
        ({"templates": None}, "give --templates FILE"),
        ({"regions": None}, "give --regions FOLDER"),
        ({"dataset": "biwy"}, "Unknown dataset 'biwy'. Did you mean 'biwi'"),
        ({"dataset": "synthetic"}, "synthetic is generated"),
        ({"pred": "nowhere"}, "nowhere: expected files <subject>_<sentence>_condition_"),
        ({"gt": "nowhere"}, "--gt nowhere: expected files <subject>_<sentence>.npy"),
        ({"gt_fps": 30}, "--gt-fps 30: expected a whole multiple of biwi's 25"),
        ({"gt_fps": "inf"}, "--gt-fps inf: expected a whole multiple"),
        ({"gt_fps": 0}, "--gt-fps 0: expected a whole multiple"),
        ({"regions": "nowhere"}, "--regions nowhere: there is no such folder"),
        ({"out": "."}, "--out .: expected a file's name, got a folder"),
    ],
)
def test_what_is_missing_or_unknown_is_one_line(small, changes, words):
    code, printed = score(*options_of(small, **changes))
    assert code == 1 and re.search(words, printed) and "\n" not in printed.strip()


def test_files_that_do_not_fit_are_one_line(small):
    np.save(small / "pred/F2_e37_condition_F2_3.npy", np.zeros((4, 51, 3)))
    assert re.search(r"condition_F2_3\.npy: expected .*50.* got \(4, 51, 3\)", bad(small))
    (small / "pred/F2_e37_condition_F2_3.npy").rename(small / "pred/F2_e37.npy")
    assert re.search("got 1 others, e.g. F2_e37.npy", bad(small))
    (small / "pred/F2_e37.npy").unlink()
    (small / "templates.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert "refused: it wants os.system" in bad(small)


def bad(folder: Path) -> str:
    code, printed = score(*options_of(folder))
    assert code == 1
    return printed


def test_clips_without_a_partner_are_told_and_not_scored(small):
    (small / "gt/F2_e37.npy").unlink()
    (small / "pred/F2_e40_condition_F2_0.npy").rename(small / "pred/F2_e45_condition_F2_0.npy")
    for k in (1, 2):
        (small / f"pred/F2_e40_condition_F2_{k}.npy").unlink()
    code, printed = score(*options_of(small))
    printed = " ".join(printed.split())
    assert code == 0
    assert "2 predictions without ground truth, not scored: F2_e37, F2_e45" in printed
    assert "1 clips of the ground truth without a prediction: F2_e40" in printed


def test_a_value_that_is_not_finite_names_the_frame(small):
    array = np.load(small / "pred/F2_e37_condition_F2_0.npy")
    array[2, 5] = np.nan
    np.save(small / "pred/F2_e37_condition_F2_0.npy", array)
    printed = bad(small)
    assert "F2_e37_condition_F2_0.npy, against F2_e37" in printed and "frame 2 holds NaN" in printed


def test_training_clips_are_no_part_of_a_test_split(small):
    np.save(small / "gt/F2_e01.npy", np.zeros((4, 50, 3)))
    np.save(small / "pred/F2_e01_condition_F2.npy", np.ones((4, 50, 3)))
    code, printed = score(*options_of(small, out=small / "s.json"))
    assert code == 0
    assert "1 predictions of training and validation clips, not scored" in " ".join(printed.split())
    clips = read_results(small / "s.json").runs[0].splits["test_a"].metrics["lve"].clips
    assert "F2_e01" not in {clip.clip for clip in clips}


@pytest.mark.parametrize(
    ("templates", "words"),
    [
        ({"F2": {"a": 1}}, r"templates\.pkl: F2: expected \(V, 3\) coordinates"),
        ({"F2": np.zeros(7)}, r"templates\.pkl: F2: expected \(V, 3\) coordinates, got \(7,\)"),
        ([1], r"templates\.pkl: expected templates by subject, got list"),
    ],
)
def test_templates_that_are_none_are_one_line(small, templates, words):
    (small / "templates.pkl").write_bytes(pickle.dumps(templates))
    assert re.search(words, bad(small))


def test_predictions_that_are_no_coordinates_are_one_line(small):
    np.save(small / "pred/F2_e37_condition_F2_0.npy", np.full((4, 150), "x"))
    assert "F2_e37_condition_F2_0.npy: expected coordinates, got <U1" in bad(small)
