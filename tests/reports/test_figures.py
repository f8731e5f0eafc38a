"""Heatmaps share one scale; the chart shows each method's own and other audio."""

import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.font_manager import FontProperties, findfont

from reports.charts.heatmaps import MOTION, colour_scale, heatmap_figure
from reports.charts.listening import interval, listening_values
from reports.charts.style import house_style
from reports.figures import build_figures
from reports.inputs.arrays import read_heatmaps
from reports.inputs.results import read_datasets
from reports.player.codec import png_chunks


def test_one_colour_scale_covers_ground_truth_and_every_method(make, tmp_path: Path) -> None:
    wild = np.full(225, 7e-3)
    maps = read_heatmaps(make.write_heatmaps(tmp_path / "heatmaps.npz", faceformer=wild))
    scale = colour_scale(maps)
    assert (scale.vmin, scale.vmax) == (0.0, 7e-3)
    clip = read_heatmaps(make.write_heatmaps(tmp_path / "h.npz", **{"clip/ground_truth": 2 * wild}))
    assert colour_scale(clip).vmax == pytest.approx(14e-3)


def test_heads_of_all_methods_are_coloured_on_that_scale(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def remember(head, values, colours):
        seen.append(colours(np.array([1e-3])))
        return np.zeros((2, 2, 4), np.uint8)

    monkeypatch.setattr("reports.charts.heatmaps.picture", remember)
    maps = read_heatmaps(results / "synthetic" / "heatmaps.npz")
    heatmap_figure(maps, read_datasets(results)["synthetic"])
    assert len(seen) == 2 * 6  # ground truth and five methods, two rows
    assert all(np.array_equal(colour, MOTION(colour_scale(maps)([1e-3]))) for colour in seen)


def test_lightness_grows_along_the_colour_map() -> None:
    red, green, blue, _ = MOTION(np.linspace(0, 1, 20)).T
    assert (np.diff(0.2126 * red + 0.7152 * green + 0.0722 * blue) > 0).all()


def test_a_map_without_motion_has_a_scale(make, tmp_path: Path) -> None:
    names = ["ground_truth", "template", "mean", "ridge", "faceformer", "gldi", "oracle"]
    flat = {prefix + name: np.zeros(225) for name in names for prefix in ("", "clip/")}
    assert colour_scale(read_heatmaps(make.write_heatmaps(tmp_path / "h.npz", **flat))).vmax == 1.0


ELSEWHERE = {"font.family": "serif", "savefig.dpi": 50, "svg.fonttype": "none", "axes.linewidth": 3}


def test_the_same_results_give_the_same_bytes(
    results: Path, tmp_path: Path, figures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    first = {path.name: path.read_bytes() for path in figures.iterdir()}
    with matplotlib.rc_context(ELSEWHERE):  # someone's matplotlibrc
        second = {path.name: path.read_bytes() for path in build_figures(results, tmp_path / "b")}
    rows = ("template", "mean", "ridge", "faceformer", "gldi")
    stems = ("codebook", "figure1", "heatmaps", "listening", *(f"{row}-heatmap" for row in rows))
    assert set(first) == {f"synthetic-{stem}.{form}" for stem in stems for form in ("png", "svg")}
    assert first == second
    for name, content in first.items():
        if name.endswith(".png"):
            kinds = {kind for kind, _ in png_chunks(content)}
            assert kinds == {b"IHDR", b"pHYs", b"IDAT", b"IEND"}  # no text, no time
        else:
            assert not re.search(rb"<dc:date|matplotlib v|<text|font-family", content), name


def test_letters_are_those_that_matplotlib_brings() -> None:
    with matplotlib.rc_context(ELSEWHERE), house_style():
        for weight in ("normal", "bold"):
            found = Path(findfont(FontProperties(weight=weight)))
            assert found.is_relative_to(matplotlib.get_data_path()) and "DejaVuSans" in found.name
        assert matplotlib.rcParams["font.family"] == ["DejaVu Sans"]  # none to fall back on


def test_a_method_without_a_finished_run_keeps_its_place(make, tmp_path: Path) -> None:
    results = make.fabricate(
        tmp_path / "r", {"gldi": make.method_results("gldi", (make.failed(0),))}
    )
    path = make.write_heatmaps(results / "synthetic" / "heatmaps.npz")
    with np.load(path) as stored:
        kept = {name: stored[name] for name in stored.files if "gldi" not in name}
    np.savez(path, **kept)
    maps, dataset = read_heatmaps(path), read_datasets(results)["synthetic"]
    drawn = heatmap_figure(maps, dataset)
    texts = [text.get_text() for axes in drawn.axes for text in axes.texts]
    assert texts == ["no finished run"] * 2
    titles = [axes.get_title() for axes in drawn.axes]
    assert "GLDiTalker" in titles


def test_the_chart_holds_the_numbers_of_the_results(results: Path) -> None:
    values = listening_values(read_datasets(results)["synthetic"])
    gldi = values[(values["method"] == "GLDiTalker") & (values["seed"] == 1)]
    assert gldi["lve"].tolist() == pytest.approx([9.25e-6, 18.5e-6])
    assert "ground truth, another take" not in set(values["method"])


def test_the_chart_draws_t_intervals() -> None:
    assert interval([1.0]) == (1.0, 1.0)
    assert interval([1.0, 2.0, 3.0]) == pytest.approx((2 - 2.484138, 2 + 2.484138))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gldi": np.zeros(7)}, r"gldi is \(7,\), expected \(225,\)"),
        ({"mean": np.full(225, np.nan)}, "mean holds NaN"),
    ],
)
def test_bad_maps_are_named(make, tmp_path: Path, changes: dict, message: str) -> None:
    path = make.write_heatmaps(tmp_path / "heatmaps.npz", **changes)
    with pytest.raises(ValueError, match=message):
        read_heatmaps(path)


def test_missing_maps_say_what_to_run(make, tmp_path: Path) -> None:
    results = make.fabricate(tmp_path / "r")
    with pytest.raises(ValueError, match=r"lip_error\.npz does not exist; run: dvc repro"):
        build_figures(results, tmp_path / "figures")
    make.write_lip_errors(results / "synthetic" / "lip_error.npz")
    with pytest.raises(ValueError, match=r"heatmaps\.npz does not exist; run: dvc repro"):
        build_figures(results, tmp_path / "figures")
