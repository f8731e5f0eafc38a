"""The paper's tables, cell by cell, and what the loader refuses."""

from pathlib import Path

import pytest
import yaml

from reports.inputs.published import PUBLISHED, read_published


@pytest.mark.parametrize(
    ("table", "row", "column", "printed"),
    [
        ("table1", "voca", "lve", 6.5563),
        ("table1", "voca", "fdd", 8.1816),
        ("table1", "meshtalk", "diversity", 0),
        ("table1", "faceformer", "fdd", 4.6408),
        ("table1", "codetalker", "lve", 4.7914),
        ("table1", "facediffuser", "diversity", 5.6421e-5),
        ("table1", "gldi", "lve", 4.6440),
        ("table1", "gldi", "fdd", 3.8474),
        ("table1", "gldi", "diversity", 8.2176),
        ("table2", "faceformer", "biwi_lip_sync", 3.50),
        ("table2", "facediffuser", "vocaset_realism", 2.55),
        ("table2", "gldi", "vocaset_lip_sync", 4.05),
        ("table3", "mlp_encoder", "diversity", 8.4251),
        ("table4", "kernel5_dilation1_layers4", "lve", 4.9904),
        ("table4", "kernel9_dilation1_layers4", "fdd", 3.7400),
        ("table4", "kernel9_dilation2_layers3", "lve", 5.1648),
    ],
)
def test_cells_are_those_of_the_paper(table: str, row: str, column: str, printed: float) -> None:
    cell = read_published().cell(table, row, column)
    assert cell is not None
    assert cell.printed == printed


def test_every_table_has_all_its_cells() -> None:
    tables = read_published().tables
    sizes = {
        name: sum(len(row.cells) for row in table.rows.values()) for name, table in tables.items()
    }
    assert sizes == {"table1": 18, "table2": 16, "table3": 9, "table4": 10}


def test_the_row_without_the_graph_stage_is_facediffuser() -> None:
    tables = read_published().tables
    assert (
        tables["table3"].rows["without_graph_stage"].cells
        == tables["table1"].rows["facediffuser"].cells
    )
    assert "FaceDiffuser" in tables["table3"].rows["without_graph_stage"].remark


def test_the_full_model_is_the_same_in_three_tables() -> None:
    tables = read_published().tables
    full = tables["table1"].rows["gldi"].cells
    assert tables["table3"].rows["spiral_encoder"].cells == full
    assert tables["table4"].rows["kernel9_dilation2_layers4"].cells == {
        name: full[name] for name in ("lve", "fdd")
    }


def test_a_cell_carries_source_and_both_units() -> None:
    cell = read_published().cell("table1", "gldi", "lve")
    assert cell is not None
    assert cell.source == "Table 1, row GLDiTalker, column LVE"
    assert (cell.unit_printed, cell.unit) == ("x10^-4 mm", "(sqrt(area))^2")
    assert cell.value == pytest.approx(4.6440e-4)


def test_an_unknown_row_has_no_cell() -> None:
    assert read_published().cell("table1", "ridge", "lve") is None


def test_a_missing_cell_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    document = yaml.safe_load(PUBLISHED.read_text())
    del document["tables"]["table4"]["rows"]["kernel9_dilation1_layers2"]["cells"]["fdd"]
    path = tmp_path / "published.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ValueError, match=r"published\.yaml: .*kernel9_dilation1_layers2"):
        read_published(path)
