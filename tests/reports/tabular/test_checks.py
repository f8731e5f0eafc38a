"""What continuous integration asks of the results of the main job."""

from pathlib import Path

import pytest

from reports.inputs.published import read_shortfalls
from reports.inputs.results import read_ablations, read_datasets
from reports.tabular.checks import ablation_problems, checks_table, problems
from reports.text.grid import to_markdown


def found(root: Path, shortfalls: dict | None = None) -> list[str]:
    return problems(read_datasets(root)["synthetic"], shortfalls)


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


@pytest.fixture
def deaf(make, tmp_path: Path) -> Path:
    """Results whose row gldi-argmax does not listen under seed 1 of two."""
    heard = {"own": 1e-5, "other": 1.1e-5, "ratio": 1.1}
    runs = (make.done("gldi", 0), make.done("gldi", 1, listening=heard))
    row = make.method_results("gldi", runs, variant="argmax")
    return make.fabricate(tmp_path, {"gldi-argmax": row})


WHY = {"synthetic": {"gldi-argmax": {"listening": "it was tried at three rates"}}}


def test_a_documented_shortfall_is_shown_and_not_counted(deaf: Path) -> None:
    assert found(deaf, {}) == [
        "gldi-argmax on synthetic, seed 1: Listening ratio is 1.10, expected at least 1.3"
    ]
    assert found(deaf, WHY) == []
    text = to_markdown([checks_table(read_datasets(deaf)["synthetic"], WHY)])
    assert text.count("1.10, missed (documented)") == 1
    assert "- GLDiTalker (argmax), Listening ratio, documented: it was tried at three rates" in text


def test_another_line_of_the_row_and_another_row_still_count(deaf: Path) -> None:
    for row, check in (("gldi-argmax", "lve_ratio"), ("gldi", "listening")):
        lines = found(deaf, {"synthetic": {row: {check: "why"}}})
        assert "gldi-argmax on synthetic, seed 1: Listening ratio is 1.10" in lines[-1] + lines[0]
    assert len(found(deaf, {"vocaset": WHY["synthetic"]})) == 1


def test_a_shortfall_that_every_seed_meets_is_stale(make, tmp_path: Path) -> None:
    stale = {"synthetic": {"gldi": {"listening": "long ago"}}}
    assert found(make.fabricate(tmp_path), stale) == [
        "gldi on synthetic: every seed meets Listening ratio; remove it from known_shortfalls.yaml"
    ]


def test_a_missing_value_is_no_documented_shortfall(make, tmp_path: Path) -> None:
    gldi = make.method_results("gldi", (make.done("gldi", 0, listening=None),))
    root = make.fabricate(tmp_path, {"gldi": gldi})
    assert found(root, {"synthetic": {"gldi": {"listening": "why"}}}) == [
        "gldi on synthetic, seed 0: Listening ratio is missing, expected at least 1.3"
    ]


def test_a_shortfall_of_no_check_is_refused(make, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gldi on synthetic: there is no check 'lve'; known: lve_"):
        found(make.fabricate(tmp_path), {"synthetic": {"gldi": {"lve": "why"}}})


def test_the_file_of_shortfalls_is_read_and_checked(tmp_path: Path) -> None:
    assert isinstance(read_shortfalls(), dict)
    path = tmp_path / "known.yaml"
    path.write_text("synthetic: {gldi: {listening: why}}")
    assert read_shortfalls(path) == {"synthetic": {"gldi": {"listening": "why"}}}
    other = tmp_path / "other.yaml"
    other.write_text("synthetic: {gldi: why}")
    with pytest.raises(ValueError, match="other.yaml: .*valid dictionary"):
        read_shortfalls(other)


def test_a_collapsed_codebook_is_a_problem_unless_it_is_documented(make, tmp_path: Path) -> None:
    runs = (make.coded("gldi", 0), make.coded("gldi", 1, 9.0))
    root = make.fabricate(tmp_path, {"gldi": make.method_results("gldi", runs)})
    line = "gldi on synthetic, seed 1: Codebook perplexity / size is 0.141, expected at least 0.3"
    assert found(root) == [line]
    assert found(root, {"synthetic": {"gldi": {"codebook_perplexity": "why"}}}) == []
    text = to_markdown([checks_table(read_datasets(root)["synthetic"])])
    assert "| 0.141, collapsed |" in text


def test_a_codebook_that_one_seed_lacks_is_a_problem(make, tmp_path: Path) -> None:
    runs = (make.coded("gldi", 0), make.done("gldi", 1))
    root = make.fabricate(tmp_path, {"gldi": make.method_results("gldi", runs)})
    assert found(root) == [
        "gldi on synthetic, seed 1: Codebook perplexity / size is missing, expected at least 0.3"
    ]


def test_a_missed_line_does_not_say_that_all_scored_seeds_missed_it(make, tmp_path: Path) -> None:
    runs = (make.coded("gldi", 0), make.coded("gldi", 1, 9.0), make.failed(2))
    root = make.fabricate(tmp_path, {"gldi": make.method_results("gldi", runs)})
    text = to_markdown([checks_table(read_datasets(root)["synthetic"])])
    assert "| 0.141, collapsed; 2 of 3 seeds have a value |" in text


def of_ablations(root: Path, shortfalls: dict | None = None) -> list[str]:
    return ablation_problems(read_ablations(root)["synthetic"], shortfalls)


def test_an_ablation_that_is_all_done_has_no_problem(make, tmp_path: Path) -> None:
    make.write_ablation(tmp_path, make.ablation())
    assert of_ablations(tmp_path) == []


def test_what_is_wrong_in_an_ablation_is_told(make, tmp_path: Path) -> None:
    nothing = make.coded("gldi", 0, name="k9-d1-l2")
    split = nothing.splits["test_a"]
    scores = {"test_a": split.model_copy(update={"metrics": {"lve": make.metric(None)}})}
    runs = (
        nothing.model_copy(update={"splits": scores}),
        make.failed(1, "no memory"),
        make.coded("gldi", 2, 9.0, name="k9-d1-l2"),
    )
    rows = {
        "k9-d1-l2": make.method_results("gldi", runs, variant="k9-d1-l2"),
        "k5-d1-l4": make.method_results("gldi", (), variant="k5-d1-l4"),
    }
    make.write_ablation(tmp_path, make.ablation(rows))
    lines = [
        "gldi-kernel on synthetic, k5-d1-l4: no run",
        "gldi-kernel on synthetic, k9-d1-l2, seed 0: LVE is missing",
        "gldi-kernel on synthetic, k9-d1-l2, seed 1: failed: no memory",
        "gldi-kernel on synthetic, k9-d1-l2, seed 2: codebook of stage1 collapsed: "
        "perplexity 9.00 of 64 entries",
    ]
    assert of_ablations(tmp_path) == lines
    why = {"synthetic": {"gldi-k9-d1-l2": {"codebook_perplexity": "why"}}}
    assert of_ablations(tmp_path, why) == lines[:-1]
    stale = {"synthetic": {"gldi-k9-d2-l4": {"codebook_perplexity": "why"}}}
    (line,) = set(of_ablations(tmp_path, stale)) - set(lines)
    assert line.startswith("gldi-kernel on synthetic, k9-d2-l4: every seed meets Codebook")
