"""Reading the paper: its arithmetic holds over the printed numbers, and its tests can fail."""

from pathlib import Path

import pytest

from reports.inputs.published import read_published
from reports.pages.reading import Arithmetic, Reference, holds, read_reading, spell

CHECKS = [(point.id, check) for point in read_reading().points for check in point.checks]


@pytest.mark.parametrize(("point", "check"), CHECKS)
def test_arithmetic_holds_over_the_printed_numbers(point: str, check: Arithmetic) -> None:
    published = read_published()
    assert holds(check, published), (point, spell(check, published))


def test_wrong_arithmetic_does_not_hold() -> None:
    ours = Reference(table="table1", row="gldi", column="lve")
    other = Reference(table="table1", row="facediffuser", column="lve")
    wrong = [
        Arithmetic(left=ours, relation="above", right=other),
        Arithmetic(left=ours, relation="equal", right=other),
        Arithmetic(left=other, relation="minus", right=ours, gives=0.1384),
        Arithmetic(left=other, relation="minus", right=ours),
    ]
    assert [holds(check, read_published()) for check in wrong] == [False] * 4


def test_a_cell_that_the_paper_lacks_and_a_broken_file_are_named(tmp_path: Path) -> None:
    lost = Reference(table="table1", row="nobody", column="lve")
    with pytest.raises(ValueError, match="no cell nobody, lve"):
        holds(Arithmetic(left=lost, relation="equal", right=lost), read_published())
    (tmp_path / "reading.yaml").write_text("points: [{id: x}]")
    with pytest.raises(ValueError, match=r"reading\.yaml"):
        read_reading(tmp_path / "reading.yaml")
