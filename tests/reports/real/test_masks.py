"""Which vertices a number is about, and the length in millimetres that LVE may be given as."""

import math
from pathlib import Path

import pytest

from bench.results import ClipScore, MetricScore
from reports.analysis.scores import root_mean_mm
from reports.charts.captions import figure1_picture, listening_grid
from reports.inputs.published import read_published
from reports.inputs.results import read_datasets
from reports.pages.sections import make_section
from reports.tables import build_tables
from reports.tabular.table1 import table1, table1_records
from reports.tabular.unseen import unseen_grid
from reports.text.masks import flaw, mask_sentence


def line_of(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


def test_real_data_has_no_such_sentence_and_stands_beside_the_paper(
    make, real, tmp_path: Path
) -> None:
    encoders = {"gldi": "facebook/hubert-base-ls960", "faceformer": "mel-HuBERT"}
    methods = {
        name: make.method_results(
            name, (make.done(name, 0),), speech_encoder=encoders.get(name, "none"), **real.BIWI
        )
        for name in ("template", "mean", "ridge", "faceformer", "gldi", "oracle")
    }
    build_tables(make.fabricate(tmp_path / "r", methods), tmp_path / "tables")
    markdown = (tmp_path / "tables" / "table1.md").read_text()
    assert "enerated" not in markdown and "fallback" not in markdown
    assert "LVE (x1e-4 (sqrt(area))^2)" in markdown
    gldi = line_of(markdown, "| GLDiTalker |")
    assert "LVE, FDD yes: same data, split, unit and formula" in gldi
    assert "Diversity no: the paper gives no formula for Diversity" in gldi
    speech = "no: the paper's row has speech encoder facebook/wav2vec2-base-960h"
    assert speech in line_of(markdown, "| FaceFormer |")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"generated": True, "mask_origins": {}}, ""),
        ({"mask_origins": {"mouth": "geometric fallback: a box"}}, "geometric fallback mask"),
        ({"mask_sizes": {"mouth": 12}}, "mask mouth has 12 vertices, the published file 4996"),
        ({"mask_origins": {"mouth": "file my.txt (me)"}}, "mask mouth is from no published file"),
        ({"dataset": "other"}, "mask mouth is from no published file"),
        ({"mask_origins": {}}, "origin and size of mask mouth are not recorded"),
        ({"mask_sizes": {}}, "origin and size of mask mouth are not recorded"),
    ],
)
def test_a_mask_that_is_not_the_published_one_is_told(real, changes, expected: str) -> None:
    assert flaw(real.results(real.BIWI | changes), "mouth") == expected


def test_a_metric_of_the_whole_face_has_no_such_flaw(real) -> None:
    assert flaw(real.results(real.VOCASET), "") == ""


def test_a_fallback_is_in_every_caption_that_uses_it(real, tmp_path: Path) -> None:
    facts = real.BIWI | {"mask_origins": {"mouth": real.BOX, "upper_face": real.BOX}}
    dataset = read_datasets(real.fabricate(tmp_path, facts))["biwi"]
    section = make_section(dataset, read_published(), tmp_path)
    told = "Not comparable with published numbers: {} is a geometric fallback: a box in the ref"
    mouth = told.format("the mask mouth")
    both = told.format("each of the masks mouth, upper_face")
    unseen = unseen_grid(dataset)
    assert unseen is not None and section.listening is not None
    assert both in section.table1.caption and both in unseen.caption
    captions = {
        "checks": section.checks.caption,
        "figure1": figure1_picture(dataset).caption,
        "listening": section.listening.caption,
        "listening grid": listening_grid(dataset).caption,
    }
    assert [name for name, caption in captions.items() if mouth not in caption] == []
    assert "geometric fallback" not in section.heatmaps.caption  # it shows every vertex
    (row,) = [row for row in section.table1.rows if row[0].text == "GLDiTalker"]
    assert "LVE, FDD no: geometric fallback mask; Diversity no: the" in row[-1].text


def test_masks_are_named_with_hash_and_origin(real) -> None:
    results = real.results(real.BIWI)
    grid = table1((results,), read_published())
    text = "Mask mouth: 4996 vertices, SHA-256 abababababab, file regions/lve.txt (CodeTalker and"
    assert any(note.startswith(text) for note in grid.notes)
    assert mask_sentence((results,), ("mouth", "upper_face")) == ""
    section = make_section((results,), read_published(), Path("none"))
    told = dict(section.facts)["Vertex masks: size, SHA-256 and origin"]["upper_face"]
    assert told == f"7784 vertices, SHA-256 {'cd' * 32}, {real.BIWI['mask_origins']['upper_face']}"
    records = {r["metric"]: r for r in table1_records((results,), read_published())}
    assert records["fdd"]["mask_origin"] == real.BIWI["mask_origins"]["upper_face"]
    assert records["diversity"]["mask"] == ""


def clips(*scores: tuple[str, float, float]) -> MetricScore:
    """LVE of (subject, total, frames)."""
    found = tuple(
        ClipScore(clip=f"{s}_{i}", subject=s, style=s, total=total, weight=weight)
        for i, (s, total, weight) in enumerate(scores)
    )
    return MetricScore(value=1.0, clips=found)


def test_millimetres_are_the_root_of_scaled_squares_pooled_by_frames(make) -> None:
    run = make.done("gldi", 0)
    lve = clips(("F1", 4e-4 * 10, 10.0), ("M1", 9e-4 * 30, 30.0), ("M1", 5.0, 0.0))
    split = run.splits["test_a"].model_copy(update={"metrics": {"lve": lve}})
    run = run.model_copy(update={"splits": {"test_a": split}})
    expected = math.sqrt((170.0**2 * 4e-4 * 10 + 190.0**2 * 9e-4 * 30) / 40)
    assert root_mean_mm(run, "test_a", {"F1": 170.0, "M1": 190.0}) == pytest.approx(expected)
    assert root_mean_mm(run, "test_a", {"F1": 170.0}) is None
    assert root_mean_mm(run, "val", {"F1": 170.0, "M1": 190.0}) is None


def test_the_column_is_called_approximate_and_names_its_source(real, tmp_path: Path) -> None:
    dataset = read_datasets(real.fabricate(tmp_path, real.BIWI))["biwi"]
    grid = table1(dataset, read_published())
    place = [column.title for column in grid.columns].index("LVE, approx. mm (RMS)")
    cells = {row[0].text: row[place].text for row in grid.rows}
    assert cells["template (neutral face)"] == "1.081"  # 180 sqrt(36e-6 (1 + 0.02 x 17.5 / 375))
    assert " \u00b1 " in cells["GLDiTalker"]
    (note,) = [note for note in grid.notes if note.startswith("LVE, approx. mm (RMS): root of")]
    assert note.endswith("datasets/biwi/dataset.yaml: fitted, approximate (FaceFormer issue 45).")
    columns = [column.heading for column in grid.columns if "Paper" not in column.title]
    assert "LVE (x1e-4 (sqrt(area))^2)" in columns
    assert [heading for heading in columns if "mm" in heading] == ["LVE, approx. mm (RMS)"]
    records = [r for r in table1_records(dataset, read_published()) if r["method"] == "gldi"]
    (record,) = [r for r in records if r.get("metric") == "lve_approx_mm_rms"]
    assert record["unit"] == "mm (approximate)" and record["low"] < record["mean"] < record["high"]


def test_unseen_subjects_have_the_column_too(real) -> None:
    grid = unseen_grid((real.results(real.BIWI, "template"),))
    assert grid is not None
    place = [c.title for c in grid.columns].index("LVE, approx. mm (RMS), mean over styles")
    scatter = [1 + 0.02 * (i - 2.5) + 0.1 * j for i in range(2) for j in range(6)]
    frames = [60 + i for i in range(2) for _ in range(6)]
    mean = sum(x * w for x, w in zip(scatter, frames, strict=True)) / sum(frames)
    assert grid.rows[0][place].value == pytest.approx(180 * math.sqrt(1.2 * 36e-6 * mean))
    assert any("(FaceFormer issue 45)" in note for note in grid.notes)


def test_a_subject_without_a_scale_leaves_the_cell_empty_with_the_reason(real) -> None:
    results = real.results(real.BIWI | {"subject_scale_mm": {"F1": 173.6}})
    grid = table1((results,), read_published())
    place = [column.title for column in grid.columns].index("LVE, approx. mm (RMS)")
    assert (grid.rows[0][place].text, grid.rows[0][place].note) == (
        *("-", "a subject has no scale in millimetres"),
    )


def test_data_in_metres_has_no_such_column(real) -> None:
    grid = table1((real.results(real.VOCASET),), read_published())
    assert not any("approx. mm" in column.title for column in grid.columns)
    assert any(column.unit == "x1e-6 m^2 (= mm^2)" for column in grid.columns)
