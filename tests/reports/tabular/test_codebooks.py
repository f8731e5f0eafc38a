"""A codebook's health is told for every stage and seed; one that collapsed is seen."""

import pytest

from reports.analysis.codebooks import collapse_of, smallest_share, trained_stages
from reports.charts.codebooks import codebook_figure
from reports.charts.style import FAILED
from reports.inputs.results import Rows, all_rows, distinct
from reports.tabular.codebooks import codebook_grid


@pytest.fixture
def rows(make) -> Rows:
    """Table 1's GLDiTalker, and an ablation whose k9-d2-l4 is the same runs."""
    gldi = make.method_results("gldi", tuple(make.coded("gldi", seed) for seed in (0, 1, 2)))
    return all_rows((gldi,), (make.ablation(),))


def test_the_line_of_a_collapse(make) -> None:
    assert make.codebook(0.29 * 64).collapsed and not make.codebook(0.3 * 64).collapsed


def test_the_least_used_codebook_of_a_run_counts(make) -> None:
    books = {"stage1": make.codebook(32.0), "stage2": make.codebook(16.0)}
    run = make.done("gldi", 0, codebooks=books)
    assert smallest_share(run) == 0.25
    assert collapse_of(run) == "codebook of stage2 collapsed: perplexity 16.0 of 64 entries"
    assert smallest_share(make.done("gldi", 0)) is None


def test_a_stage_that_rows_share_is_listed_once(rows: Rows) -> None:
    stages = trained_stages(rows)
    assert len(stages) == 9  # three trained models of three seeds
    assert stages[0].rows == ("GLDiTalker", "GLDiTalker (k9-d2-l4)")
    assert [row.variant for row in distinct(rows)] == ["default", "k5-d1-l4", "k9-d1-l2"]


def test_the_grid_holds_the_numbers_of_the_results(rows: Rows) -> None:
    grid = codebook_grid(rows)
    assert [cell.text for cell in grid.rows[0]] == [
        "GLDiTalker, GLDiTalker (k9-d2-l4)",
        *("0", "stage1", "64", "87.5", "41.0", "0.641", "0.420", "0.830"),
    ]
    headings = [column.heading for column in grid.columns]
    assert "Reconstruction error (mm)" in headings


def test_a_collapse_is_a_red_cell_with_the_word(make) -> None:
    results = make.method_results("gldi", (make.coded("gldi", 0, 9.0),))
    (row,) = codebook_grid((results,)).rows
    assert (row[6].text, row[6].kind) == ("0.141, collapsed", "missed")


def test_a_seed_without_its_codebook_and_a_term_that_is_not_logged(make) -> None:
    bare = make.codebook(validation={})
    runs = (make.done("gldi", 0, codebooks={"stage1": bare}), make.failed(1, "no memory"))
    results = make.method_results("gldi", runs, unit="sqrt(area)", unit_to_mm=None)
    first, second = codebook_grid((results,)).rows
    assert [cell.text for cell in first[-2:]] == ["-", "-"]
    assert (second[2].text, second[2].kind) == ("stage1 not trained: failed: no memory", "failed")


def test_rows_without_codes_have_no_table_and_no_chart(make) -> None:
    results = (make.method_results("gldi", (make.done("gldi", 0),)),)
    assert codebook_grid(results).rows == ()
    assert codebook_figure(results) is None


def test_the_chart_has_a_line_per_seed_over_the_epochs(rows: Rows) -> None:
    figure = codebook_figure(rows)
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title().splitlines()[0] for axes in panels] == [
        "GLDiTalker and 1 more row",
        "GLDiTalker (k5-d1-l4)",
        "GLDiTalker (k9-d1-l2)",
    ]
    lines = [line for line in panels[0].lines if len(line.get_xdata()) == 5]
    assert len(lines) == 6  # perplexity and usage of three seeds
    assert any(list(line.get_ydata()) == [0.9] * 5 for line in lines)
    assert lines[0].get_ydata() == pytest.approx([41 / 64 * (0.5 + 0.1 * i) for i in range(1, 6)])
    assert panels[0].lines[0].get_ydata() == [0.3, 0.3]
    assert "Generated data" in figure.get_suptitle()


def test_a_collapse_is_red_and_named_in_the_chart(make) -> None:
    runs = (make.coded("gldi", 0), make.coded("gldi", 1, 9.0), make.failed(2))
    figure = codebook_figure((make.method_results("gldi", runs),))
    (axes,) = [axes for axes in figure.axes if axes.get_title()]
    words = {text.get_text(): text.get_color() for text in axes.get_legend().get_texts()}
    assert words["seed 1: collapsed"] == words["seed 2: not trained"] == FAILED != words["seed 0"]
    (collapsed,) = [line for line in axes.lines if line.get_label() == "seed 1: collapsed"]
    assert collapsed.get_color() == FAILED
