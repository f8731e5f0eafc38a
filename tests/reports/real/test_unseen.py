"""test_b: mean over styles and best style, and Table 1 where there is no test_a."""

from pathlib import Path

import pytest

from bench.results import ClipScore, MetricScore
from reports.analysis.differences import difference
from reports.analysis.scores import clip_frame
from reports.charts.figure1 import figure1
from reports.charts.heatmaps import heatmap_figure
from reports.inputs.arrays import read_heatmaps, read_lip_errors
from reports.inputs.published import read_published
from reports.inputs.results import Rows, read_datasets
from reports.pages.sections import make_section
from reports.tabular.checks import checks_table, problems
from reports.tabular.table1 import table1, table1_records
from reports.tabular.unseen import unseen_grid, unseen_records
from reports.text.grid import Grid
from reports.text.splits import DRAWN, split_of, split_words, why_missing


@pytest.fixture
def root(real, tmp_path: Path) -> Path:
    return real.fabricate(tmp_path, real.VOCASET)


@pytest.fixture
def vocaset(root: Path) -> Rows:
    return read_datasets(root)["vocaset"]


def row(grid: Grid, name: str) -> dict[str, str]:
    titles = [column.title for column in grid.columns]
    return dict(
        zip(titles, (c.text for c in next(r for r in grid.rows if r[0].text == name)), strict=True)
    )


def test_both_readings_of_test_b_stand_side_by_side(make, tmp_path: Path) -> None:
    dataset = read_datasets(make.fabricate(tmp_path))["synthetic"]
    grid = unseen_grid(dataset)
    assert grid is not None
    found = row(grid, "GLDiTalker")
    # 1.2 and 0.9 times 9.25 mm^2, seeds at -2 %, 0 and +2 %
    assert found["LVE, mean over styles"] == "11.10 \u00b1 0.55"
    assert found["LVE, best style per clip"] == "8.325 \u00b1 0.414"
    assert {"FDD, mean over styles", "MVE, best style per clip"} <= found.keys()
    assert "4 clips, each in 6 training styles" in grid.caption
    assert any("ground truth in hand" in note and "optimistic" in note for note in grid.notes)
    assert "ground truth, another take" not in {cells[0].text for cells in grid.rows}
    records = {(r["method"], r["metric"], r["styles"]): r for r in unseen_records(dataset)}
    best = records["gldi", "lve", "best style per clip"]
    assert best["mean"] == pytest.approx(0.9 * 9.25e-6) and best["split"] == "test_b"
    assert (best["mask"], best["mask_sha256"], best["mask_origin"]) == (
        *("mouth", "ab" * 32, "procedural: a box"),
    )


def test_a_failed_seed_is_told_and_no_test_b_is_no_table(make, tmp_path: Path) -> None:
    runs = (make.done("gldi", 0), make.failed(1))
    gldi = make.method_results("gldi", runs)
    grid = unseen_grid(read_datasets(make.fabricate(tmp_path, {"gldi": gldi}))["synthetic"])
    assert grid is not None
    assert row(grid, "GLDiTalker")["LVE, mean over styles"].endswith("(1 of 2 seeds)")
    only_a = {"test_a": make.done("gldi", 0).splits["test_a"]}
    assert (
        unseen_grid((make.method_results("gldi", (make.done("gldi", 0, splits=only_a),)),)) is None
    )


def test_table_1_is_made_of_test_b_and_names_the_rule(vocaset: Rows) -> None:
    assert split_of(vocaset) == "test_b"
    grid = table1(vocaset, read_published())
    assert "split test_b (mean over all training styles)" in grid.caption
    assert row(grid, "GLDiTalker")["LVE"] == "11.10 \u00b1 0.55"
    assert {r["split"] for r in table1_records(vocaset, read_published())} == {"test_b"}
    assert any("on the same test_b clips" in note for note in grid.notes)


def test_what_has_no_sense_is_missing_with_a_reason(vocaset: Rows) -> None:
    grid = table1(vocaset, read_published())
    assert row(grid, "GLDiTalker")["Diversity"] == "-"
    oracle = row(grid, "ground truth, another take")
    assert (oracle["LVE"], oracle["FDD"], oracle["Diversity"]) == ("-", "-", "-")
    assert "no value" not in {cell.text for cells in grid.rows for cell in cells}
    assert any(note.endswith(": test_b has one sample per style.") for note in grid.notes)
    assert any("the data has no other take of a sentence." in note for note in grid.notes)


def test_a_value_that_should_be_there_is_still_missed(make, vocaset: Rows) -> None:
    gldi = next(each for each in vocaset if each.method == "gldi")
    failed = gldi.model_copy(update={"runs": (make.failed(0),)})
    assert why_missing(failed, "lve") == "" and why_missing(failed, "diversity") == ""
    assert row(table1((failed,), read_published()), "GLDiTalker")["LVE"] == "no value"


def test_a_region_that_the_dataset_lacks_is_the_reason(make) -> None:
    run = make.done("gldi", 0)
    split = run.splits["test_a"]
    lve = {"lve": split.metrics["lve"]}
    run = run.model_copy(update={"splits": {"test_a": split.model_copy(update={"metrics": lve})}})
    results = make.method_results("gldi", (run,), masks={"mouth": "ab" * 32})
    assert why_missing(results, "fdd") == "the dataset has no mask upper_face"
    pair = "the dataset names no pair of mid-lip vertices"
    assert why_missing(results, "mouth_opening_correlation") == pair


def test_a_clip_in_several_styles_is_one_clip_in_a_comparison(make, vocaset: Rows) -> None:
    by_name = {each.method: each for each in vocaset}
    found = difference(by_name["faceformer"], by_name["gldi"], "lve")
    assert found is not None and (found.seeds, found.subjects, found.clips) == (3, 2, 4)
    assert found.verdict == "cannot be decided with 2 subjects"
    run = make.done("gldi", 0)
    clip = {"clip": "F4_07", "subject": "F4"}
    scores = (  # (2 * 3 + 3 * 1) / 4 frames
        ClipScore(**clip, style="F1", total=6.0, weight=3.0),
        ClipScore(**clip, style="F2", total=3.0, weight=1.0),
        ClipScore(**clip, style="M1", total=0.0, weight=0.0),
    )
    split = run.splits["test_b"].model_copy(
        update={"metrics": {"lve": MetricScore(value=2.25, clips=scores)}}
    )
    results = make.method_results("gldi", (run.model_copy(update={"splits": {"test_b": split}}),))
    (row,) = clip_frame(results, "lve", "gldi").to_dict("records")
    assert (row["value"], row["weight"]) == (2.25, 4.0)


def test_checks_say_what_needs_test_a_and_do_not_count_it(vocaset: Rows) -> None:
    grid = checks_table(vocaset)
    assert "Checks on test_b" in grid.caption
    found = {k.partition(" (")[0]: v for k, v in row(grid, "GLDiTalker").items()}
    assert found["LVE / better floor"] == "0.314, met"
    assert found["Listening ratio"] == found["Mouth share off by"] == "-"
    reason = "No Listening ratio: it is made of test_a, which the dataset does not have."
    assert reason in grid.notes
    assert problems(vocaset) == []


def test_figures_say_how_the_style_was_drawn(root: Path, vocaset: Rows) -> None:
    folder = root / "vocaset"
    figure = figure1(read_lip_errors(folder / "lip_error.npz"), vocaset)
    flat = " ".join(figure.get_suptitle().split())
    assert DRAWN in flat.lower() and "the mask mouth is a geometric fallback" in flat
    assert [t.get_text() for t in figure.axes[1].texts] == [
        "No Diversity: test_b has one sample per style."
    ]
    heads = heatmap_figure(read_heatmaps(folder / "heatmaps.npz"), vocaset)
    assert any(DRAWN in text.get_text().lower() for text in heads.texts)
    labels = {axes.get_ylabel() for axes in heads.axes}
    assert "mean of all\ntest_b clips" in labels


def test_the_section_has_frame_counts_of_both_splits(make, vocaset: Rows, tmp_path: Path) -> None:
    section = make_section(vocaset, read_published(), tmp_path)
    assert section.split == "test_b" and section.listening is None
    assert all(DRAWN in p.caption.lower() for p in (section.figure1, section.heatmaps))
    assert "Right: no Diversity: test_b has one sample per style." in section.figure1.caption
    told = dict(section.facts)["Scored on"]["GLDiTalker"]
    assert told == (
        "test_b, all training styles, 1680 frames (6 cut), samples per clip: 1 per style"
    )
    both = make_section(
        (make.method_results("gldi", (make.done("gldi", 0),)),), read_published(), tmp_path
    )
    told = dict(both.facts)["Scored on"]["GLDiTalker"]
    assert told.startswith("test_a, own style, 783 frames (0 cut)") and "; test_b, all" in told


def test_words_of_a_dataset_with_test_a_name_no_rule(make) -> None:
    assert split_words([make.method_results("gldi", (make.done("gldi", 0),))]) == "split test_a"
    assert split_words([make.method_results("gldi", (make.failed(0),))]) == "split test_a"
