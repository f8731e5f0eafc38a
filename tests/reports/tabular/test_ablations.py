"""Tables 3, 4 and any other ablation: the paper beside ours, and each row against the reference."""

import csv
from pathlib import Path

import pytest

from bench.results import AblationResults
from reports.inputs.published import read_published
from reports.inputs.results import read_ablations
from reports.tables import build_tables
from reports.tabular.ablations import ablation_grid, ablation_records, by_file
from reports.text.grid import Grid


def lattice_of(ablation: AblationResults) -> Grid:
    return ablation_grid(ablation, read_published())


def row_of(grid: Grid, name: str) -> dict[str, str]:
    titles = [column.title for column in grid.columns]
    row = next(row for row in grid.rows if row[0].text == name)
    return dict(zip(titles, (cell.text for cell in row), strict=True))


def with_row(make, variant: str, runs: tuple, **changes) -> AblationResults:
    results = make.method_results("gldi", runs, variant=variant)
    return make.ablation({variant: results}, **changes)


def test_rows_stand_beside_the_papers_and_against_the_reference(make) -> None:
    grid = lattice_of(make.ablation())
    row = row_of(grid, "row k5-d1-l4")
    assert (row["Variant"], row["Seeds"]) == ("k5-d1-l4", "3")
    assert (row["LVE"], row["Paper LVE"]) == ("11.50 \u00b1 0.57", "4.9904")
    assert row["Paper FDD"] == "3.9252"
    assert "Diversity" in row and "Paper Diversity" not in row  # Table 4 has none
    assert row["Difference in LVE"].startswith("+2.25 [")
    assert row["Difference in LVE"].endswith("], higher")
    assert row["Comparable with the paper"] == "no: generated data"
    assert row_of(grid, "row k9-d1-l2")["Difference in LVE"] == "0 [0, 0], no difference shown"
    assert row_of(grid, "row k9-d2-l4")["Difference in LVE"] == "reference"


def test_table_3_has_the_papers_diversity(make) -> None:
    ablation = make.ablation(paper="table3", name="quantized-space")
    papers = ("without_graph_stage", "", "spiral_encoder")
    rows = tuple(
        row.model_copy(update={"paper": paper})
        for row, paper in zip(ablation.rows, papers, strict=True)
    )
    grid = lattice_of(ablation.model_copy(update={"rows": rows}))
    assert row_of(grid, "row k5-d1-l4")["Paper Diversity"] == "5.6421e-05"
    assert row_of(grid, "row k9-d1-l2")["Paper Diversity"] == "-"
    assert row_of(grid, "row k9-d2-l4")["Paper Diversity"] == "8.2176"
    assert any("so it is FaceDiffuser and not" in note for note in grid.notes)


def test_remarks_and_the_encoder_are_notes(make) -> None:
    notes = lattice_of(make.ablation()).notes
    assert "row k9-d2-l4: the model of Table 1." in notes
    assert "Speech encoder of all rows: mel-HuBERT, random weights, frozen." in notes


def test_generated_data_is_no_evidence_in_the_caption(make) -> None:
    caption = lattice_of(make.ablation()).caption
    assert caption.startswith("Generated data: ")
    assert (
        "A small mesh of about 1.3k vertices and low-rank motion are no evidence about the "
        "paper's claim." in caption
    )
    rows = make.ablation().rows
    other = tuple(
        row.model_copy(update={"results": row.results.model_copy(update={"dataset": "head"})})
        for row in rows
    )
    caption = lattice_of(make.ablation(dataset="head", rows=other)).caption
    assert "1.3k" not in caption and "no evidence" in caption


def test_a_failed_seed_is_a_row_and_never_averaged(make) -> None:
    runs = (make.coded("gldi", 0), make.failed(1, "no memory"), make.coded("gldi", 2))
    grid = lattice_of(with_row(make, "k9-d1-l2", runs))
    assert row_of(grid, "row k9-d1-l2")["LVE"] == "9.250 \u00b1 2.351 (2 of 3 seeds)"
    failed = row_of(grid, "row k9-d1-l2, seed 1")
    assert (failed["Seeds"], failed["LVE"]) == ("failed", "failed")
    assert failed["Comparable with the paper"] == "failed: no memory"
    assert "k9-d1-l2 (2 of 3 seeds)" in grid.finding


def test_a_row_without_any_result_is_still_there(make) -> None:
    grid = lattice_of(with_row(make, "k9-d1-l2", tuple(make.failed(seed) for seed in (0, 1, 2))))
    assert row_of(grid, "row k9-d1-l2")["LVE"] == "no value"
    assert row_of(grid, "row k9-d1-l2")["Difference in LVE"] == "no value"
    assert "without a value for k9-d1-l2" in grid.finding


def test_a_collapsed_seed_has_a_red_row_with_its_own_scores(make) -> None:
    runs = (make.coded("gldi", 0), make.coded("gldi", 1, 9.0), make.coded("gldi", 2))
    ablation = with_row(make, "k9-d1-l2", runs)
    grid = lattice_of(ablation)
    assert row_of(grid, "row k9-d1-l2")["Seeds"] == "3, 1 collapsed"
    row = next(row for row in grid.rows if row[0].text == "row k9-d1-l2, seed 1")
    assert (row[2].text, row[2].kind) == ("collapsed", "failed")
    assert (row[3].text, row[3].kind) == ("9.250", "failed")
    assert (row[-1].text, row[-1].kind) == (
        "codebook of stage1 collapsed: perplexity 9.00 of 64 entries",
        "failed",
    )
    assert "not shown to differ for k9-d1-l2 (1 collapsed)" in grid.finding
    records = ablation_records(ablation, read_published())
    (record,) = [record for record in records if record["status"] == "collapsed"]
    assert (record["variant"], record["seed"]) == ("k9-d1-l2", 1)


def test_the_sentence_says_what_is_shown_and_what_is_not(make) -> None:
    assert lattice_of(make.ablation()).finding == (
        "Against the reference k9-d2-l4, LVE and |FDD| are higher for k5-d1-l4, and not shown to "
        "differ for k9-d1-l2; on generated data this says nothing about real speech or about the "
        "paper's claims."
    )


def test_the_sentence_follows_the_reference(make) -> None:
    assert lattice_of(make.ablation(reference="k5-d1-l4")).finding.startswith(
        "Against the reference k5-d1-l4, LVE and |FDD| are lower for k9-d1-l2 and k9-d2-l4; "
    )


def test_the_sentence_tells_metrics_apart_that_differ(make) -> None:
    runs = []
    for seed in (0, 1, 2):
        run = make.coded("gldi", seed, name="k9-d1-l2")
        split = run.splits["test_a"]
        metrics = split.metrics | {"fdd_abs": make.metric(1e-6)}
        scores = {"test_a": split.model_copy(update={"metrics": metrics})}
        runs.append(run.model_copy(update={"splits": scores}))
    assert lattice_of(with_row(make, "k9-d1-l2", tuple(runs))).finding.startswith(
        "Against the reference k9-d2-l4, LVE is higher for k5-d1-l4, and not shown to differ for "
        "k9-d1-l2; |FDD| is higher for k5-d1-l4 and k9-d1-l2; "
    )


def test_the_sentence_of_a_single_seed_says_so(make) -> None:
    rows = tuple(
        row.model_copy(
            update={"results": row.results.model_copy(update={"runs": row.results.runs[:1]})}
        )
        for row in make.ablation().rows
    )
    grid = lattice_of(make.ablation(rows=rows))
    assert "nothing is shown about other seeds of k5-d1-l4 and k9-d1-l2" in grid.finding
    assert row_of(grid, "row k5-d1-l4")["LVE"] == "11.27"  # no interval


def test_the_sentence_when_too_few_subjects_can_decide(make) -> None:
    def one_subject(run):
        split = run.splits["test_a"]
        metrics = {
            name: score.model_copy(update={"clips": score.clips[:2]})
            for name, score in split.metrics.items()
        }
        splits = {"test_a": split.model_copy(update={"metrics": metrics})}
        return run.model_copy(update={"splits": splits})

    rows = tuple(
        row.model_copy(
            update={
                "results": row.results.model_copy(
                    update={"runs": tuple(map(one_subject, row.results.runs))}
                )
            }
        )
        for row in make.ablation().rows
    )
    grid = lattice_of(make.ablation(rows=rows))
    cell = row_of(grid, "row k5-d1-l4")["Difference in LVE"]
    assert cell == "+2.138, cannot be decided with 1 subject"
    assert "undecided (1 subject cannot decide it) for k5-d1-l4 and k9-d1-l2" in grid.finding


def test_without_a_reference_nothing_is_compared(make) -> None:
    grid = lattice_of(make.ablation(reference=""))
    assert not any("Difference" in column.title for column in grid.columns)
    assert grid.finding.startswith("No reference row is there")


def test_an_ablation_of_ones_own_has_a_file_and_no_papers_columns(make, tmp_path: Path) -> None:
    root = make.fabricate(tmp_path / "r")
    rows = tuple(row.model_copy(update={"paper": ""}) for row in make.ablation().rows)
    make.write_ablation(root, make.ablation(paper="", name="mine", rows=rows))
    make.write_ablation(root, make.ablation())
    names = {path.name for path in build_tables(root, tmp_path / "t")}
    assert {"ablation-gldi-mine.md", "table4.csv", "table4.md", "table4.tex"} <= names
    text = (tmp_path / "t" / "ablation-gldi-mine.md").read_text()
    assert "Paper" not in text and "| Remark |" in text and "| row k5-d1-l4 |" in text
    with (tmp_path / "t" / "table4.csv").open(newline="", encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    row = next(r for r in records if r["variant"] == "k5-d1-l4" and r["metric"] == "lve")
    assert float(row["mean"]) == pytest.approx(11.5e-6)
    assert (row["ablation"], row["paper_printed"], row["reference"]) == (
        *("gldi-kernel", "4.9904", "k9-d2-l4"),
    )
    assert (row["verdict"], row["comparable"]) == ("higher", "False")
    tex = (tmp_path / "t" / "table4.tex").read_text()
    assert "Against the reference k9-d2-l4" in tex and r"11.50 $\pm$ 0.57 & 4.9904" in tex


def test_the_papers_tables_come_first_and_another_paper_name_is_no_file(make) -> None:
    rows = tuple(row.model_copy(update={"paper": "gldi"}) for row in make.ablation().rows)
    others = [
        make.ablation(name="b", paper="table1", rows=rows),
        make.ablation(),
        make.ablation(name="a", paper="table3"),
    ]
    assert list(by_file(others)) == ["table3", "table4", "ablation-gldi-b"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"paper": "tabel4"}, "Unknown table of the paper 'tabel4'. Did you mean 'table4'"),
        ({"paper": "table3"}, "table3 has no row 'kernel5_dilation1_layers4'; known: without_"),
        ({"paper": ""}, "row 'kernel5_dilation1_layers4' of no table"),
        ({"rows": ()}, "gldi-kernel on synthetic has no rows; run: dvc repro"),
    ],
)
def test_what_the_paper_does_not_have_is_named(make, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lattice_of(make.ablation(**changes))


def test_rows_that_disagree_on_the_unit_are_refused(make, tmp_path: Path) -> None:
    mm = make.method_results("gldi", (make.done("gldi", 0),), unit="mm", variant="k9-d1-l2")
    make.write_ablation(tmp_path, make.ablation({"k9-d1-l2": mm}))
    with pytest.raises(ValueError, match="results of synthetic disagree on unit: m, mm"):
        read_ablations(tmp_path)
