"""Tables of comparisons, and the headline: what they say and when they decide nothing."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from reports.inputs.results import Rows, read_datasets
from reports.tables import build_tables
from reports.tabular.comparisons import comparison_grids, headline
from reports.text.grid import Grid


@pytest.fixture
def dataset(results: Path) -> Rows:
    return read_datasets(results)["synthetic"]


def grid(dataset: Rows, name: str) -> Grid:
    return next(each for each in comparison_grids(dataset) if each.name == name)


def row(grid: Grid, name: str) -> dict[str, str]:
    titles = [column.title for column in grid.columns]
    cells = next(cells for cells in grid.rows if cells[0].text == name)
    return dict(zip(titles, (cell.text for cell in cells), strict=True))


def rows_like(make, method: str, factor: float = 1.0, subjects: tuple[str, ...] = ()):
    """A row whose clips lie at this multiple of the method's LVE, under three seeds."""
    runs = []
    for run in (make.done(method, seed) for seed in (0, 1, 2)):
        split = run.splits["test_a"]
        value = factor * split.metrics["lve"].value
        of = {"subjects": subjects} if subjects else {}
        lve = {"lve": make.metric(value, frames=True, **of)}
        scores = split.model_copy(update={"metrics": lve})
        runs.append(run.model_copy(update={"splits": {"test_a": scores}}))
    return make.method_results(method, tuple(runs))


def test_each_metric_has_rows_against_the_reference(dataset: Rows) -> None:
    # GLDiTalker is the reference and the best: no second table against the best
    assert [each.name for each in comparison_grids(dataset)] == [
        "comparisons-lve-gldi-synthetic",
        "comparisons-fdd_abs-gldi-synthetic",
    ]


def test_a_row_has_the_difference_and_every_p(dataset: Rows) -> None:
    found = row(grid(dataset, "comparisons-lve-gldi-synthetic"), "FaceFormer")
    assert found["Difference in LVE"] == "+2.25"
    low, high = found["95 % interval"].strip("[]").split(", ")
    assert float(low) < 2.25 < float(high)
    assert found["Verdict"] == "higher"
    assert (found["p"], found["Smallest p"]) == ("0.0312", "0.0312")
    # four rows are compared: 4 * 0.03125
    assert (found["Holm p"], found["Smallest Holm p"]) == ("0.125", "0.125")
    assert found["Verdict after Holm"] == "cannot be decided with 6 subjects"
    assert float(found["Effect size g"]) > 0
    assert found["Paired over"] == "3 seeds, 6 subjects, 12 clips"


def test_one_seed_is_told(dataset: Rows) -> None:
    found = row(grid(dataset, "comparisons-lve-gldi-synthetic"), "mean motion")
    assert found["Verdict"] == "higher in the one seed"


def test_a_better_row_gets_a_table_against_it(make, tmp_path: Path) -> None:
    ridge = rows_like(make, "ridge", 0.5)
    changed = read_datasets(make.fabricate(tmp_path, {"ridge": ridge}))["synthetic"]
    against = grid(changed, "comparisons-lve-ridge-synthetic")
    # 9.25 - 7 mm^2
    assert row(against, "GLDiTalker")["Difference in LVE"] == "+2.25"
    assert any("The same scores chose ridge regression as the best" in n for n in against.notes)
    reference = grid(changed, "comparisons-lve-gldi-synthetic")
    assert row(reference, "ridge regression")["Verdict"] == "lower"
    assert not any("scores chose" in note for note in reference.notes)


def test_the_assumption_and_the_family_are_named(dataset: Rows) -> None:
    notes = " ".join(grid(dataset, "comparisons-lve-gldi-synthetic").notes)
    assert "within each subject the labels of the two methods are exchangeable" in notes
    assert "corrected over the 4 comparisons of this table (Holm 1979)" in notes
    assert "hierarchical bootstrap over seeds, subjects and clips" in notes


def test_generated_data_do_not_rank_methods(dataset: Rows) -> None:
    for each in comparison_grids(dataset):
        assert "Generated data do not rank methods" in each.finding
        assert each.caption.startswith("Generated data: ")
    found = headline(dataset)
    assert found is not None and found.caveat.startswith("Generated data do not rank methods")


def test_many_subjects_decide_after_holm_too(make, tmp_path: Path) -> None:
    subjects = tuple(f"F{i}" for i in range(1, 10))
    rows = {m: rows_like(make, m, subjects=subjects) for m in ("faceformer", "ridge", "gldi")}
    found = headline(tuple(rows.values()))
    assert (found.best, found.runner_up.other) == ("GLDiTalker", "FaceFormer")
    assert found.runner_up.verdict_after_holm == "a difference is shown"
    lead = found.runner_up.found
    assert lead.holm_p == lead.smallest_holm_p == 2 * 2 / 2**9
    assert found.reference is None and found.trained is None


def test_a_row_that_failed_is_named_and_leads_nobody(make, tmp_path: Path) -> None:
    failed = make.method_results("faceformer", (make.failed(0), make.failed(1)))
    changed = read_datasets(make.fabricate(tmp_path, {"faceformer": failed}))["synthetic"]
    found = headline(changed)
    assert found.runner_up.other == "ridge regression"
    assert "Left out, no score in common with the others: FaceFormer." in found.details
    against = grid(changed, "comparisons-lve-gldi-synthetic")
    assert row(against, "FaceFormer")["Difference in LVE"] == "no value"
    # it is no member of the family
    assert row(against, "ridge regression")["Holm p"] == "0.0938"


def test_the_headline_answers_which_how_much_and_whether_it_is_real(dataset: Rows) -> None:
    found = headline(dataset)
    # seed 0, the only one that all rows have: 0.98 * 9.25, and longer clips are a little worse
    assert found.best == "GLDiTalker"
    lead = found.runner_up
    assert (lead.other, lead.verdict) == ("FaceFormer", "a difference is shown")
    paired = lead.found.paired
    assert paired.difference == pytest.approx(2.25e-6, rel=2e-3)
    assert paired.interval.low < 2.25e-6 < paired.interval.high
    assert (lead.found.test.p, lead.found.holm_p) == (0.03125, 0.125)
    assert found.answer == (
        "Lowest LVE: GLDiTalker, 9.073 x1e-6 m^2 (= mm^2), over what all rows have: 1 seed, "
        "6 subjects, 12 clips. By the interval, GLDiTalker is ahead of FaceFormer; the corrected "
        "test cannot confirm it with 6 subjects."
    )
    assert lead.verdict_after_holm == "cannot be decided with 6 subjects"
    # where the pairs leave out what made the other row worse
    one_seed = replace(paired, difference=-1.0, seeds=1)
    sure = replace(lead.found, paired=one_seed, holm_p=0.01, smallest_holm_p=0.01)
    assert replace(lead, found=sure).conclusion == (
        "By the interval, FaceFormer is ahead of GLDiTalker in the one seed, and the corrected "
        "test agrees."
    )
    difference, chosen = found.details
    assert difference.startswith("FaceFormer minus GLDiTalker: +2.25 [")
    assert chosen.endswith("so its lead looks larger than it is.")


def test_a_floor_that_is_best_is_called_one(make, tmp_path: Path) -> None:
    ridge, mean = rows_like(make, "ridge", 0.5), rows_like(make, "mean", 0.25)
    changed = make.fabricate(tmp_path, {"ridge": ridge, "mean": mean})
    found = headline(read_datasets(changed)["synthetic"])
    assert found.best == "ridge regression"
    assert found.runner_up.other == "mean motion"
    assert found.trained.other == found.reference.other == "GLDiTalker"
    details = " ".join(found.details)
    assert details.count("GLDiTalker minus ridge regression") == 1
    assert "(a floor that trained methods have to beat)" in found.answer
    assert "The lowest trained method is GLDiTalker. " in found.answer
    assert found.answer.endswith(
        "By the interval, GLDiTalker is ahead of FaceFormer; the corrected test cannot confirm it "
        "with 6 subjects."
    )
    assert "FaceFormer minus GLDiTalker: +2.25 [" in details


def test_a_single_subject_has_no_interval_and_no_lead(make) -> None:
    rows = [rows_like(make, method, subjects=("F1",)) for method in ("faceformer", "gldi")]
    found = headline(tuple(rows))
    assert found.answer.endswith(
        "Whether GLDiTalker is ahead of FaceFormer cannot be decided with 1 subject."
    )
    (difference, _) = found.details
    words = "(no interval), cannot be decided with 1 subject; after Holm over 1 comparison p is"
    assert words in difference


def test_one_row_has_nothing_to_compare(make) -> None:
    alone = (make.method_results("gldi", (make.done("gldi", 0),)),)
    assert comparison_grids(alone) == [] and headline(alone) is None


def test_files_hold_every_digit_and_the_same_bytes(results: Path, tmp_path: Path) -> None:
    names = {f"comparisons.{end}" for end in ("csv", "md", "tex")}
    for folder in ("one", "two"):
        written = build_tables(results, tmp_path / folder)
        assert names <= {path.name for path in written}
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    with (tmp_path / "one" / "comparisons.csv").open(newline="", encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    found = next(r for r in records if (r["method"], r["metric"]) == ("faceformer", "lve"))
    assert float(found["difference"]) == pytest.approx(2.25e-6, rel=2e-3)
    assert (found["generated"], found["unit"], found["family"]) == ("True", "m^2", "4")
    assert "exchangeable" in found["p_assumes"]
