"""Comparisons on real data with two subjects: no word of generated data, and nothing decided."""

from pathlib import Path

import pytest

from reports.inputs.results import Rows, read_datasets
from reports.tabular.comparisons import comparison_grids, headline


@pytest.fixture
def vocaset(real, tmp_path: Path) -> Rows:
    return read_datasets(real.fabricate(tmp_path, real.VOCASET))["vocaset"]


def test_two_subjects_decide_nothing(vocaset: Rows) -> None:
    undecided = "cannot be decided with 2 subjects"
    grids = {grid.name: grid for grid in comparison_grids(vocaset)}
    compared = grids["comparisons-lve-gldi-vocaset"]
    titles = [column.title for column in compared.columns]
    cells = next(cells for cells in compared.rows if cells[0].text == "FaceFormer")
    found = dict(zip(titles, (cell.text for cell in cells), strict=True))
    assert (found["Verdict"], found["Verdict after Holm"]) == (undecided, undecided)
    assert (found["Smallest p"], found["Effect size g"]) == ("0.500", "-")
    lead = headline(vocaset).runner_up
    assert (lead.verdict, lead.verdict_after_holm) == (undecided, undecided)


def test_real_data_are_not_called_generated(vocaset: Rows) -> None:
    for grid in comparison_grids(vocaset):
        assert "enerated data" not in f"{grid.caption} {grid.finding}"
        assert "split test_b (mean over all training styles)" in grid.caption
