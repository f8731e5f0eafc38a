"""Table 1 and the checks say what the results files say, and what is missing."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reports.tables import build_tables, main


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def line_of(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


def test_means_and_t_intervals_of_the_results_are_in_every_form(
    results: Path, tmp_path: Path
) -> None:
    build_tables(results, tmp_path / "tables")
    rows = read_csv(tmp_path / "tables" / "table1.csv")
    row = next(r for r in rows if r["method"] == "faceformer" and r["metric"] == "lve")
    assert float(row["mean"]) == pytest.approx(11.5e-6)
    # seeds at -2 %, 0, +2 %: t(0.975, 2) * 0.23 / sqrt(3)
    assert float(row["high"]) - float(row["mean"]) == pytest.approx(0.571351e-6, rel=1e-5)
    assert (row["unit"], row["seeds"], row["planned"]) == ("m^2", "3", "3")
    markdown = (tmp_path / "tables" / "table1.md").read_text()
    assert "| 11.50 \u00b1 0.57 | 5.3077 |" in line_of(markdown, "| FaceFormer |")
    assert r"11.50 $\pm$ 0.57 & 5.3077" in (tmp_path / "tables" / "table1.tex").read_text()


def test_headings_spell_units_and_the_papers_own(results: Path, tmp_path: Path) -> None:
    build_tables(results, tmp_path / "tables")
    heading = line_of((tmp_path / "tables" / "table1.md").read_text(), "| Method |")
    assert "LVE (x1e-6 m^2 (= mm^2))" in heading
    assert "Paper LVE (x1e-4 (sqrt(area))^2, printed as mm)" in heading
    assert "Diversity (x1e-3 m (= mm))" in heading


def test_every_row_names_its_speech_encoder(results: Path, tmp_path: Path) -> None:
    build_tables(results, tmp_path / "tables")
    markdown = (tmp_path / "tables" / "table1.md").read_text()
    assert "| mel-HuBERT, random weights, frozen |" in line_of(markdown, "| GLDiTalker |")
    assert "| none |" in line_of(markdown, "| mean motion |")


def test_the_numerical_floor_and_ground_truth_stand_in_the_diversity_column(
    results: Path, tmp_path: Path
) -> None:
    build_tables(results, tmp_path / "tables")
    markdown = (tmp_path / "tables" / "table1.md").read_text()
    assert "| 3.10e-06 |" in line_of(markdown, "| numerical floor")
    assert "| 0.4100 |" in line_of(markdown, "| ground truth, another take")


def test_a_failed_seed_is_a_row_and_a_cell_over_fewer_seeds(make, tmp_path: Path) -> None:
    runs = (make.done("gldi", 0), make.failed(1, "out of memory"), make.done("gldi", 2))
    results = make.fabricate(tmp_path / "results", {"gldi": make.method_results("gldi", runs)})
    build_tables(results, tmp_path / "tables")
    markdown = (tmp_path / "tables" / "table1.md").read_text()
    # seeds 0 and 2 lie at -2 % and +2 %: their mean, not a mean with a zero in it
    assert "| 9.250 \u00b1 2.351 (2 of 3 seeds) |" in line_of(markdown, "| GLDiTalker |")
    assert "failed: out of memory" in line_of(markdown, "| GLDiTalker, seed 1 |")
    rows = read_csv(tmp_path / "tables" / "table1.csv")
    failed = [row for row in rows if row["status"] == "failed"]
    assert [(row["method"], row["seed"], row["reason"]) for row in failed] == [
        ("gldi", "1", "out of memory")
    ]
    checks = (tmp_path / "tables" / "checks.md").read_text()
    assert "met in 2 of 3 seeds" in line_of(checks, "| GLDiTalker |")


def test_a_method_that_only_failed_is_still_there(make, tmp_path: Path) -> None:
    runs = tuple(make.failed(seed) for seed in (0, 1, 2))
    results = make.fabricate(tmp_path / "results", {"gldi": make.method_results("gldi", runs)})
    build_tables(results, tmp_path / "tables")
    markdown = (tmp_path / "tables" / "table1.md").read_text()
    assert "| 0 of 3 | no value | 4.6440 |" in line_of(markdown, "| GLDiTalker |")
    assert markdown.count("failed: the loss is not finite at step 120") == 3
    # the reference itself has no result: no row has a difference from it
    assert "| 5.3077 | " in line_of(markdown, "| FaceFormer |")
    assert line_of(markdown, "| FaceFormer |").count("| no value |") == 1
    assert "No row shares a scored seed with the reference GLDiTalker; on generated" in markdown


def test_a_skipped_run_says_why(make, tmp_path: Path) -> None:
    run = make.failed(0).model_copy(update={"status": "skipped", "reason": "needs 30 fps"})
    results = make.fabricate(tmp_path / "r", {"gldi": make.method_results("gldi", (run,))})
    build_tables(results, tmp_path / "tables")
    assert "skipped: needs 30 fps" in (tmp_path / "tables" / "table1.md").read_text()


def test_a_seed_with_nothing_to_score_is_not_averaged(make, tmp_path: Path) -> None:
    runs = [make.done("gldi", seed) for seed in (0, 1, 2)]
    split = runs[1].splits["test_a"]
    metrics = split.metrics | {"lve": make.metric(None)}
    gap = split.model_copy(update={"metrics": metrics})
    runs[1] = runs[1].model_copy(update={"splits": {"test_a": gap}})
    gldi = make.method_results("gldi", tuple(runs))
    build_tables(make.fabricate(tmp_path / "r", {"gldi": gldi}), tmp_path / "tables")
    line = line_of((tmp_path / "tables" / "table1.md").read_text(), "| GLDiTalker |")
    assert "9.250 \u00b1 2.351 (2 of 3 seeds)" in line
    assert line.count("of 3 seeds") == 1


def test_generated_data_says_so_in_every_caption(results: Path, tmp_path: Path) -> None:
    for path in build_tables(results, tmp_path / "tables"):
        text = path.read_text()
        # without answers Table 2 has no number of ours
        if path.suffix != ".csv" and path.stem != "table2":
            assert "Generated data: every number comes from the generated dataset synthetic" in text
            assert "nothing here reproduces the paper" in text
    rows = read_csv(tmp_path / "tables" / "table1.csv")
    assert {row["generated"] for row in rows} == {"True"}
    assert "no: generated data" in (tmp_path / "tables" / "table1.md").read_text()


def test_rows_of_different_library_versions_are_flagged(make, tmp_path: Path) -> None:
    gldi = make.method_results("gldi", (make.done("gldi", 0),), versions={"torch": "2.12.0"})
    build_tables(make.fabricate(tmp_path / "r", {"gldi": gldi}), tmp_path / "tables")
    assert "not all made with the same versions" in (tmp_path / "tables" / "table1.md").read_text()


def test_the_worst_seed_decides_a_check(make, tmp_path: Path) -> None:
    deaf = make.done("gldi", 2, listening={"own": 1e-5, "other": 1.1e-5, "ratio": 1.1})
    runs = (make.done("gldi", 0), make.done("gldi", 1), deaf)
    gldi = make.method_results("gldi", runs)
    build_tables(make.fabricate(tmp_path / "r", {"gldi": gldi}), tmp_path / "tables")
    line = line_of((tmp_path / "tables" / "checks.md").read_text(), "| GLDiTalker |")
    assert "| 1.10, missed |" in line
    # LVE 9.25e-6 * 1.02 over the mean motion's 30e-6, the better floor
    assert "| 0.315, met |" in line


def test_a_deterministic_method_with_any_diversity_has_missed_its_check(
    make, tmp_path: Path
) -> None:
    run = make.done("gldi", 0)
    faceformer = make.method_results("faceformer", (run,))
    build_tables(make.fabricate(tmp_path / "r", {"faceformer": faceformer}), tmp_path / "tables")
    line = line_of((tmp_path / "tables" / "checks.md").read_text(), "| FaceFormer |")
    assert "(deterministic), missed" in line


def test_differences_are_paired_and_pooled(results: Path, tmp_path: Path) -> None:
    build_tables(results, tmp_path / "tables")
    text = (tmp_path / "tables" / "table1.md").read_text()
    # frames-weighted mean of the clips: 2.25 * (1 + 0.02 * 17.5 / 375)
    assert "| +2.25 \\[" in line_of(text, "| FaceFormer |")
    assert "\\], higher |" in line_of(text, "| FaceFormer |")
    assert "| reference | reference |" in line_of(text, "| GLDiTalker |")
    assert "; FaceFormer: 3 seeds, 6 subjects, 12 clips." in text
    rows = read_csv(tmp_path / "tables" / "table1.csv")
    row = next(r for r in rows if r["method"] == "faceformer" and r["metric"] == "lve")
    assert float(row["difference"]) == pytest.approx(2.25e-6 * (1 + 0.02 * 17.5 / 375))
    assert float(row["difference_low"]) < float(row["difference"]) < float(row["difference_high"])
    assert (row["reference"], row["verdict"], row["paired_seeds"]) == ("GLDiTalker", "higher", "3")


def test_the_same_results_give_the_same_bytes(results: Path, tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in build_tables(results, tmp_path / "a")}
    second = {path.name: path.read_bytes() for path in build_tables(results, tmp_path / "b")}
    # table1, table2, test_b, table4, comparisons, checks, codebooks
    assert len(first) == 21
    assert first == second


def test_means_for_dvc_are_not_read_as_results(results: Path, tmp_path: Path) -> None:
    (results / "synthetic" / "gldi.metrics.json").write_text("{}")
    assert build_tables(results, tmp_path / "tables")


def app():
    import typer

    made = typer.Typer()
    made.command()(main)
    return made


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (None, "", "has no results (<dataset>/<method>.json); run: dvc repro"),
        ("synthetic/gldi.json", "{", "is not valid JSON"),
        ("synthetic/gldi.json", '{"schema_version": 99}', "results schema 99 is not known"),
        ("synthetic/gldi.json", '{"schema_version": 1}', "gldi.json: dataset: Field required"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_1(
    tmp_path: Path, name: str | None, text: str, message: str
) -> None:
    if name:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    outcome = CliRunner().invoke(app(), ["--results", str(tmp_path), "--out", str(tmp_path / "t")])
    assert outcome.exit_code == 1
    assert outcome.stderr.startswith("error: ")
    assert message in outcome.stderr
    assert len(outcome.stderr.strip().splitlines()) == 1


def test_methods_that_disagree_on_the_unit_are_refused(make, tmp_path: Path) -> None:
    gldi = make.method_results("gldi", (make.done("gldi", 0),), unit="mm")
    results = make.fabricate(tmp_path / "r", {"gldi": gldi})
    with pytest.raises(ValueError, match="results of synthetic disagree on unit: m, mm"):
        build_tables(results, tmp_path / "tables")
