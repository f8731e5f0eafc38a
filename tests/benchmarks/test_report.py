"""Tables between markers, numbers, and CSV files of measurements."""

from dataclasses import dataclass

import pytest

MARKED = "# Title\n\n<!-- bench:start -->\nold\n<!-- bench:end -->\n\nrest\n"


@pytest.mark.parametrize("text", ["no markers\n", MARKED + MARKED, MARKED.replace("start", "end")])
def test_a_readme_without_one_pair_of_markers_is_left_alone(tmp_path, text):
    from benchmarks.report import check_markers, show

    path = tmp_path / "README.md"
    path.write_text(text)
    for attempt in (lambda: show("new", path, "bench"), lambda: check_markers(path, "bench")):
        with pytest.raises(ValueError, match="expected one <!-- bench:start -->"):
            attempt()
    assert path.read_text() == text


def test_markers_of_another_name_are_left_alone(tmp_path, capsys):
    from benchmarks.report import show

    path = tmp_path / "README.md"
    path.write_text(MARKED + MARKED.replace("bench:", "training:"))
    show("new", path, "training")
    assert path.read_text() == MARKED + MARKED.replace("bench:", "training:").replace("old", "new")
    assert capsys.readouterr().out == "new\n"


def test_numbers_have_three_digits():
    from benchmarks.report import gigabytes, number

    found = [number(value) for value in (None, 0.0123456, 2.0, 16.14, 132.4, 28600.4)]
    assert found == ["-", "0.0123", "2.00", "16.1", "132", "28600"]
    assert number(10.5, " x") == "10.5 x"
    assert gigabytes(None) is None and gigabytes(1000.0) == pytest.approx(1.048576)


def test_a_csv_has_four_digits_and_an_empty_cell_for_what_is_not_there(tmp_path):
    from benchmarks.report import write_csv

    @dataclass
    class Row:
        name: str
        seconds: float | None

    write_csv(tmp_path / "a.csv", [Row("one", 1.23456), Row("two", None)])
    assert (tmp_path / "a.csv").read_text() == "name,seconds\none,1.235\ntwo,\n"
