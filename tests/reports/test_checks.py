"""What continuous integration asks of the results of the main job."""

from pathlib import Path

from reports.checks import problems
from reports.inputs import read_datasets


def found(root: Path) -> list[str]:
    return problems(read_datasets(root)["synthetic"])


def test_results_on_the_good_side_of_every_line_have_no_problem(make, tmp_path: Path) -> None:
    assert found(make.fabricate(tmp_path)) == []


def test_a_failed_run_and_a_missed_line_are_problems(make, tmp_path: Path) -> None:
    deaf = make.done("gldi", 2, listening={"own": 1e-5, "other": 1.1e-5, "ratio": 1.1})
    gldi = make.method_results("gldi", (make.done("gldi", 0), make.failed(1, "no memory"), deaf))
    assert found(make.fabricate(tmp_path, {"gldi": gldi})) == [
        "gldi on synthetic, seed 1: failed: no memory",
        "gldi on synthetic, seed 2: Listening ratio is 1.10, expected at least 1.3",
    ]


def test_a_line_without_a_value_is_a_problem(make, tmp_path: Path) -> None:
    runs = (make.done("faceformer", 0, heatmap=None),)
    faceformer = make.method_results("faceformer", runs)
    assert found(make.fabricate(tmp_path, {"faceformer": faceformer})) == [
        "faceformer on synthetic, seed 0: Mouth share off by is missing, "
        "expected at most 15 points",
        "faceformer on synthetic, seed 0: Std map r is missing, expected at least 0.7",
    ]
