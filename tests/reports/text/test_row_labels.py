"""Two rows of one method stand apart in every table, picture and command."""

from pathlib import Path

import numpy as np
import pytest

from bench.results import MethodFacts
from reports.charts.heatmaps import heatmap_figure
from reports.charts.listening import listening_values
from reports.charts.style import OTHER_COLOURS, line_styles
from reports.inputs.arrays import read_heatmaps
from reports.inputs.published import read_published
from reports.inputs.results import Rows, read_datasets
from reports.pages.sections import make_section
from reports.tabular.checks import checks_table
from reports.tabular.table1 import table1, table1_records
from reports.text.labels import checkpoints, is_trained, label, place, rerun_command, row_of

SHA = "0123456789ab" + "cd" * 26
FILES = {"checkpoint": SHA, "stage1": "ef" * 32}


@pytest.fixture
def root(make, tmp_path: Path) -> Path:
    """Results with a variant of gldi, and faceformer with imported weights."""
    keys = {"import": "1" * 32, "predict": "2" * 32, "evaluate": "3" * 32}
    argmax = make.method_results(
        "gldi", (make.done("gldi", 0), make.done("gldi", 1)), variant="argmax"
    )
    imported = make.method_results(
        "faceformer",
        (make.done("faceformer", 0, keys=keys, checkpoints=FILES),),
        variant="imported",
    )
    rows = {"gldi-argmax": argmax, "faceformer-imported": imported}
    return make.fabricate(tmp_path / "results", rows)


@pytest.fixture
def dataset(root: Path) -> Rows:
    return read_datasets(root)["synthetic"]


def test_a_method_stands_before_its_variants(dataset: Rows) -> None:
    assert [row_of(results) for results in dataset][-5:] == [
        *("faceformer", "faceformer-imported", "gldi", "gldi-argmax", "oracle")
    ]
    assert [label(results) for results in dataset][-2] == "GLDiTalker (argmax)"


def test_a_row_is_run_again_by_its_name(dataset: Rows) -> None:
    commands = {row_of(results): rerun_command(results, 1) for results in dataset}
    assert commands["gldi-argmax"] == (
        "python -m bench.run --method gldi-argmax --dataset synthetic --profile mini --seed 1"
    )
    assert "--method faceformer-imported " in commands["faceformer-imported"]
    assert "--method gldi " in commands["gldi"]


def test_table_1_shows_both_rows_and_names_the_checkpoint(dataset: Rows) -> None:
    grid = table1(dataset, read_published())
    named = {row[0].text: row for row in grid.rows}
    assert {"GLDiTalker", "GLDiTalker (argmax)", "FaceFormer (imported)"} <= named.keys()
    assert named["GLDiTalker (argmax)"][4].text == named["GLDiTalker"][4].text != "-"  # the paper's
    (note,) = [note for note in grid.notes if "checkpoint" in note]
    assert note == (
        "FaceFormer (imported): weights read from a checkpoint (SHA-256: checkpoint 0123456789ab, "
        "stage1 efefefefefef), not trained here."
    )
    variants = {record["variant"] for record in table1_records(dataset, read_published())}
    assert variants == {"default", "argmax", "imported"}


def test_only_an_imported_row_has_checkpoints(dataset: Rows) -> None:
    found = {row_of(results): checkpoints(results) for results in dataset}
    assert found.pop("faceformer-imported") == FILES
    assert not any(found.values())


def test_checks_differences_and_the_chart_have_a_line_each(dataset: Rows) -> None:
    assert len(checks_table(dataset).rows) == len(dataset)
    grid = table1(dataset, read_published())
    place = [column.title for column in grid.columns].index("Difference in LVE")
    told = {row[0].text: row[place].text for row in grid.rows}
    assert told["GLDiTalker"] == "reference" and told["ground truth, another take"] == "-"
    assert told["FaceFormer (imported)"].startswith("+2.21 [")  # of seed 0
    assert told["GLDiTalker (argmax)"] == "0 [0, 0], no difference shown"
    chart = listening_values(dataset)
    counts = chart.groupby("method")["lve"].count()
    assert (counts["GLDiTalker"], counts["GLDiTalker (argmax)"]) == (6, 4)


def test_each_row_has_its_own_head(make, root: Path, dataset: Rows) -> None:
    vertices = np.linspace(0.0, 1e-3, 225)
    rows = {"gldi-argmax": vertices, "clip/gldi-argmax": vertices}
    path = make.write_heatmaps(root / "synthetic" / "heatmaps.npz", **rows)
    figure = heatmap_figure(read_heatmaps(path), dataset)
    titles = [axes.get_title().replace("\n", "") for axes in figure.axes if axes.get_title()]
    assert titles[-1] == "GLDiTalker(argmax)" and "GLDiTalker" in titles
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert words == ["no finished run"] * 2  # of faceformer-imported, in both rows of heads


def test_the_page_lists_the_files_before_the_steps(dataset: Rows, tmp_path: Path) -> None:
    section = make_section(dataset, read_published(), tmp_path)
    (run,) = [run for run in section.runs if run.method == "FaceFormer (imported)"]
    assert run.keys["checkpoint"] == SHA and run.keys["import"] == "1" * 32


def test_a_method_from_elsewhere_is_called_placed_and_drawn_as_its_facts_say(make) -> None:
    facts = MethodFacts(label="Theirs", order=85, colour="#123456", about="Their paper.")
    rows = [
        make.method_results(method, (make.done("gldi", 0),), **changes)
        for method, changes in (
            ("oracle", {}),
            ("plain", {}),
            ("gldi", {}),
            ("theirs", {"facts": facts}),
            ("theirs", {"facts": facts, "variant": "small"}),
        )
    ]
    rows.sort(key=place)
    assert [label(row) for row in rows] == [
        *("Theirs", "Theirs (small)", "GLDiTalker", "plain", "ground truth, another take")
    ]
    lines = line_styles(rows)
    assert lines["theirs"].colour == lines["theirs-small"].colour == "#123456"
    assert lines["theirs"].dashes != lines["theirs-small"].dashes
    assert lines["plain"].colour == OTHER_COLOURS[0]
    assert lines["gldi"].width > lines["theirs"].width


def test_a_floor_from_elsewhere_is_held_to_no_line(make) -> None:
    facts = MethodFacts(floor=True)
    row = make.method_results("still", (make.failed(0),), facts=facts, speech_encoder="none")
    assert not is_trained(row)
    grid = checks_table((row,))
    assert any("the floors (still) and the ground truth" in note for note in grid.notes)
    assert any("no floor that hears nothing has a result" in note for note in grid.notes)
