"""Figure 1 draws every row: its lip error over time, and its Diversity, 0 included."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.charts.captions import figure1_picture
from reports.charts.figure1 import figure1
from reports.charts.style import line_styles
from reports.inputs.arrays import LipErrors, read_lip_errors
from reports.inputs.results import Rows, read_datasets


@pytest.fixture
def dataset(results: Path) -> Rows:
    return read_datasets(results)["synthetic"]


@pytest.fixture
def errors(results: Path) -> LipErrors:
    return read_lip_errors(results / "synthetic" / "lip_error.npz")


def panels(figure: Figure) -> tuple[Axes, Axes]:
    left, right = figure.axes
    return left, right


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_a_line_is_the_mean_over_seeds_in_seconds_and_mm2(dataset: Rows, errors: LipErrors) -> None:
    left, _ = panels(figure1(errors, dataset))
    lines = {line.get_label(): line for line in left.lines}
    assert len(lines) == len(dataset) == 6
    line = lines["GLDiTalker"]
    assert line.get_ydata() == pytest.approx(errors.rows["gldi"].mean(axis=0) / 1e-6)
    assert line.get_xdata() == pytest.approx(np.arange(90) / 30)
    assert len(left.collections) == 2  # bands of the rows with several seeds
    assert "mm$^{2}$" in left.get_ylabel() and "F1_07" in left.get_title()


def test_a_row_without_errors_is_named(dataset: Rows, errors: LipErrors) -> None:
    rows = {name: values for name, values in errors.rows.items() if name != "gldi"}
    left, _ = panels(figure1(LipErrors("F1_07", 30.0, rows), dataset))
    legend = [text.get_text() for text in left.get_legend().get_texts()]
    assert "GLDiTalker: no value" in legend and "FaceFormer" in legend


def test_bars_floor_and_ground_truth_are_on_one_axis(dataset: Rows, errors: LipErrors) -> None:
    _, right = panels(figure1(errors, dataset))
    names = [text.get_text() for text in right.get_yticklabels()]
    assert names == [
        "template (neutral face)",
        *("mean motion", "ridge regression", "FaceFormer", "GLDiTalker"),
    ]
    assert [bar.get_width() for bar in right.patches] == pytest.approx([0, 0, 0, 0, 0.32])
    marks = [line.get_xdata()[0] for line in right.lines if len(set(line.get_xdata())) == 1]
    assert {0.41, 3.1e-6} <= {float(f"{mark:.3g}") for mark in marks}
    low, high = right.get_xlim()
    assert low == 0 and high > 0.41
    assert texts(right).count("0") == 4 and "0.320" in texts(right)
    reach = right.collections[0].get_segments()[0][:, 0]
    assert reach == pytest.approx([0.32 - 0.0158980, 0.32 + 0.0158980], rel=1e-4)


def test_generated_data_is_named_on_the_picture(dataset: Rows, errors: LipErrors) -> None:
    assert figure1(errors, dataset).get_suptitle().startswith("Generated data: ")
    picture = figure1_picture(dataset)
    assert "template (neutral face) 0" in picture.alt and "GLDiTalker 0.320" in picture.alt


def test_missing_seeds_are_told(make, errors: LipErrors, tmp_path: Path) -> None:
    some = make.method_results("gldi", (make.done("gldi", 0), make.failed(1)))
    none = make.method_results("faceformer", (make.failed(0),))
    root = make.fabricate(tmp_path / "other", {"gldi": some, "faceformer": none})
    _, right = panels(figure1(errors, read_datasets(root)["synthetic"]))
    assert "no value" in texts(right)
    assert "0.314 (1 of 2 seeds)" in texts(right)
    dataset = read_datasets(root)["synthetic"]
    assert "0.314 (1 of 2 seeds)" in figure1_picture(dataset).alt
    one = LipErrors("F1_07", 30.0, {"gldi": errors.rows["gldi"][:1]})
    left, _ = panels(figure1(one, dataset))
    legend = [text.get_text() for text in left.get_legend().get_texts()]
    assert "GLDiTalker (1 of 2 seeds)" in legend


def test_rows_are_told_apart_also_without_colour(make) -> None:
    rows = [
        make.method_results("gldi", (), variant=v) for v in ("default", "argmax", "small", "big")
    ]
    rows += [make.method_results(name, ()) for name in ("template", "mean", "mine", "yours")]
    styles = line_styles(rows)
    assert len({(line.colour, line.dashes) for line in styles.values()}) == len(rows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gldi": np.zeros(7)}, r"gldi is \(7,\), expected \(seeds, frames\)"),
        ({"gldi": np.zeros((0, 7))}, r"gldi is \(0, 7\), expected \(seeds, frames\)"),
        ({"mean": np.full((1, 9), np.nan)}, "mean holds NaN"),
        ({"fps": np.array(0.0)}, "fps is 0, expected frames per second above 0"),
    ],
)
def test_bad_errors_are_named(make, tmp_path: Path, changes: dict, message: str) -> None:
    path = make.write_lip_errors(tmp_path / "lip_error.npz", **changes)
    with pytest.raises(ValueError, match=message):
        read_lip_errors(path)


def test_a_missing_array_is_named(make, tmp_path: Path) -> None:
    path = make.write_lip_errors(tmp_path / "lip_error.npz")
    with np.load(path) as stored:
        kept = {name: stored[name] for name in stored.files if name != "fps"}
    np.savez(path, **kept)
    with pytest.raises(ValueError, match="has no array 'fps'; run: dvc repro"):
        read_lip_errors(path)
