"""Figures of stored predictions: outlines of masks, heads at moments, lips over time."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from reports.charts.captions import motion_pictures
from reports.charts.clip_motion import openings_figure, strips_figure
from reports.charts.heatmaps import MEAN, heatmap_figure, heatmap_figures, mean_maps
from reports.charts.style import save
from reports.figures import build_figures
from reports.heads.head import border, outline
from reports.inputs.arrays import read_heatmaps, read_shown_motion
from reports.inputs.results import read_datasets

ROWS = ("ground_truth", "template", "mean", "ridge", "faceformer", "gldi")
FRAMES = 30


@pytest.fixture
def moving(results):
    """Fabricated results with the arrays of stored predictions; faceformer has none."""
    root = results / "synthetic"
    with np.load(root / "heatmaps.npz") as maps:
        vertices, faces = maps["reference"], maps["faces"]
    mouth = np.flatnonzero((np.abs(vertices[:, 0]) < 0.05) & (vertices[:, 1] < -0.02))
    arrays = {
        "clip_name": np.array("F1_07"),
        "text": np.array("hum hum"),
        "fps": np.array(25.0),
        "reference": vertices,
        "faces": faces,
        "moments": np.array(["/AA/", "/M/"]),
        "frames": np.array([5, 20], np.int32),
        "mask/mouth": mouth.astype(np.int32),
    }
    for k, row in enumerate(ROWS):
        if row == "faceformer":
            continue
        arrays[f"mean/{row}"] = np.full(len(vertices), 1e-3 * (k + 1))
        moved = np.repeat(vertices[None], 2, axis=0)
        moved[1, mouth, 1] -= 0.01 * k
        arrays[f"heads/{row}"] = moved
        arrays[f"opening/{row}"] = 1e-3 * (k + np.sin(np.arange(FRAMES) / 5)[None] ** 2)
    np.savez(root / "motion.npz", **arrays)
    return results


@pytest.fixture
def motion(moving):
    return read_shown_motion(moving / "synthetic" / "motion.npz")


@pytest.fixture
def rows(moving):
    return read_datasets(moving)["synthetic"]


def test_the_border_of_a_mask_is_where_its_triangles_end():
    """A 3 x 3 square of vertices, of which the lower left four are masked."""
    faces = np.array(
        [[a, a + 1, a + 4] for a in (0, 1, 3, 4)] + [[a, a + 4, a + 3] for a in (0, 1, 3, 4)]
    )
    edges = {tuple(edge) for edge in border(faces, np.array([0, 1, 3, 4]))}
    assert edges == {(0, 1), (1, 4), (3, 4), (0, 3)}


def test_an_outline_lies_on_the_head_and_only_where_it_faces_the_viewer(motion):
    lines = outline(motion.vertices, motion.faces, motion.masks["mouth"])
    assert len(lines) and lines.min() >= 0 and lines.max() <= 300
    behind = outline(motion.vertices, motion.faces[:, ::-1], motion.masks["mouth"])
    assert len(behind) == 0


def test_heads_of_the_mean_map_share_a_scale_and_show_the_masks(moving, motion, rows):
    maps = read_heatmaps(moving / "synthetic" / "heatmaps.npz")
    maps = replace(maps, means=motion.means, clip={})
    figure = heatmap_figure(maps, rows, MEAN, motion.masks)
    words = " ".join(
        text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))
    )
    assert "mean distance from the neutral face over time (mm)" in words
    assert "Outlined: mouth mask." in words and "no finished run" in words
    heads = [axes for axes in figure.axes if axes.images]
    assert len(heads) == 5  # faceformer has no map
    assert all(any(isinstance(c, LineCollection) for c in axes.collections) for axes in heads)


def test_strips_have_a_head_per_row_and_moment_and_words_for_what_is_missing(motion, rows):
    figure = strips_figure(motion, rows)
    heads = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(heads) == 5 * 2
    words = [text.get_text() for text in figure.texts]
    assert "no stored predictions" in words and "/AA/\n0.20 s" in words
    assert any("\u201chum hum\u201d" in text for text in words)
    assert any("Generated data" in text for text in words)
    still, moved = heads[2], heads[-1]
    assert (np.asarray(still) != np.asarray(moved)).any()


def test_openings_are_drawn_as_they_are_beside_the_ground_truth(motion, rows):
    figure = openings_figure(motion, rows)
    charts = {
        axes.get_title(loc="left"): axes for axes in figure.axes if axes.get_title(loc="left")
    }
    truth = motion.openings["ground_truth"][0] * 1000
    for axes in charts.values():
        np.testing.assert_allclose(axes.lines[0].get_ydata(), truth)
        assert axes.get_ylim()[0] == 0 and axes.get_ylim()[1] >= 6  # nothing is cut off
    assert "FaceFormer: no stored predictions" in charts
    gldi = charts["GLDiTalker"].lines[1].get_ydata()
    np.testing.assert_allclose(gldi, motion.openings["gldi"][0] * 1000)


def test_all_are_written_twice_with_the_same_bytes(moving, tmp_path, motion, rows):
    first = {path.name: path.read_bytes() for path in build_figures(moving, tmp_path / "a")}
    mean = mean_maps(read_heatmaps(moving / "synthetic" / "heatmaps.npz"), motion)
    figures = {
        "heatmaps-mean": heatmap_figure(mean, rows, MEAN, motion.masks),
        "strips": strips_figure(motion, rows),
        "opening": openings_figure(motion, rows),
    }
    (tmp_path / "b").mkdir()
    again = [save(figure, tmp_path / "b" / f"synthetic-{k}") for k, figure in figures.items()]
    written = [path for paths in again for path in paths]
    assert {path.name: path.read_bytes() for path in written}.items() <= first.items()
    for figure in motion_pictures(rows, motion):
        stem = figure.file.rpartition(".")[0]
        assert {f"{stem}.png", f"{stem}.svg"} <= {path.name for path in written}
        assert "Generated data" in figure.caption


def test_damaged_arrays_are_one_line(moving):
    path = moving / "synthetic" / "motion.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez(path, **(arrays | {"heads/gldi": arrays["heads/gldi"][:1]}))
    with pytest.raises(ValueError, match=r"motion\.npz: heads/gldi is \(1, "):
        read_shown_motion(path)
    del arrays["fps"]
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"motion\.npz has no array 'fps'; run: dvc repro"):
        read_shown_motion(path)


def test_the_pictures_of_a_row_show_it_beside_the_ground_truth_on_the_scale_of_all(
    moving, motion, rows
):
    maps = mean_maps(read_heatmaps(moving / "synthetic" / "heatmaps.npz"), motion)
    whole, *each = heatmap_figures(maps, rows, "-mean", motion.masks)
    assert whole[0] == "synthetic-heatmaps-mean"
    drawn = dict(each)
    names = [f"synthetic-{row}-heatmap-mean" for row in ("template", "mean", "ridge", "gldi")]
    assert list(drawn) == names  # faceformer has no map, nor the oracle
    (all_of_them,) = {figure.axes[-1].get_xlim() for figure in drawn.values()}
    assert all_of_them == whole[1].axes[-1].get_xlim()
    titles = [axes.get_title() for axes in drawn[names[-1]].axes[:2]]
    assert titles == ["ground truth", "GLDiTalker"]


def test_parts_are_drawn_on_the_heads_of_those_rows_that_have_them(motion, rows):
    corners = np.array([[-0.02, 0, 0.1], [0.02, 0, 0.1], [0, 0.04, 0.1]]) + motion.vertices.mean(
        axis=0
    )
    painted = replace(
        motion,
        parts={row: np.repeat(corners[None], 2, axis=0) for row in motion.heads},
        part_faces=np.array([[0, 1, 2]]),
        part_colours=np.array([[250, 0, 0]] * 3, np.uint8),
    )
    for each, expected in ((motion, 0), (painted, 2 * len(motion.heads))):
        pictures = [axes.images[0].get_array() for axes in strips_figure(each, rows).axes]
        red = [(p[..., 0] > 100) & (p[..., 1] < 10) for p in pictures]
        assert sum(part.mean() > 0.002 for part in red) == expected
