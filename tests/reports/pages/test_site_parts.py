"""Parts of the site that say what is missing, what failed, and what stands beside the paper."""

from pathlib import Path

from matplotlib.image import imread

from bench.dataset.reader import load_dataset
from reports.charts.heatmaps import row_pictures
from reports.inputs.provenance import run_facts
from reports.inputs.published import read_published
from reports.inputs.results import read_ablations, read_datasets
from reports.pages.beside import beside_ablation, beside_table1
from reports.pages.building import SitePage
from reports.pages.clips import (
    clip_pages,
    clip_values,
    mean_cell,
    scores_of_clip,
    scores_of_row,
    spread,
    subjects_of,
)
from reports.pages.curves import Curve, draw_curves
from reports.pages.data_sets import dataset_part, draw_masks
from reports.pages.not_run import MOST, absent_grid, tracebacks
from reports.site import build_site
from reports.tables import build_tables
from reports.text.grid import Cell
from reports.text.numbers import number

BIWI = {"dataset": "biwi", "generated": False, "unit": "sqrt(area)", "unit_to_mm": None}


def texts(row: tuple[Cell, ...]) -> list[str]:
    return [cell.text for cell in row]


def test_a_failed_run_shows_the_end_of_its_traceback(make, tmp_path: Path, figures: Path) -> None:
    runs = tmp_path / "runs"
    (runs / "dead-1").mkdir(parents=True)
    long = "\n".join(f"frame {i}" for i in range(MOST)) + "\nRuntimeError: a < b & c"
    (runs / "dead-1" / "traceback.txt").write_text(long)
    rows = {"gldi": make.method_results("gldi", (make.done("gldi", 0), make.failed(1)))}
    results = make.fabricate(tmp_path / "results", rows)
    dataset = read_datasets(results)["synthetic"]
    for run in run_facts(dataset, runs):
        assert tracebacks(run, runs) == ([] if run.status == "done" else [long[-MOST:]])
    build_tables(results, tmp_path / "tables")
    args = results, tmp_path / "tables", figures, runs, tmp_path / "site", tmp_path
    html = (build_site(*args).parent / "runs.html").read_text()
    assert "RuntimeError: a &lt; b &amp; c</pre>" in html and html.count("<pre") == 1


def test_rows_of_the_paper_without_a_result_have_a_reason(make, tmp_path: Path) -> None:
    changes = {
        "gldi": make.method_results("gldi", (make.failed(0),), **BIWI),
        "faceformer": make.method_results("faceformer", (make.done("faceformer", 0),), **BIWI),
    }
    for method in ("template", "mean", "ridge", "oracle"):
        changes[method] = make.method_results(method, (make.done(method, 0),), **BIWI)
    make.fabricate(tmp_path, changes)
    make.fabricate(tmp_path)  # all of them on synthetic, too
    make.write_ablation(tmp_path, make.ablation())
    datasets, ablations = read_datasets(tmp_path), read_ablations(tmp_path)
    grid = absent_grid(datasets, ablations, {}, read_published())
    reasons = {(row[0].text, row[1].text): row[3].text for row in grid.rows}
    assert ("Table 1", "FaceFormer") not in reasons
    assert reasons["Table 1", "GLDiTalker"].startswith("every run failed or was skipped")
    absent = "no such row among the methods and ablations of params.yaml on biwi"
    assert reasons["Table 1", "VOCA"] == absent
    of_table4 = [reason for (table, _), reason in reasons.items() if table == "Table 4"]
    assert sorted(set(of_table4)) == [absent, f"{absent}; run on synthetic"]
    assert of_table4.count(f"{absent}; run on synthetic") == 3
    alone = {"synthetic": datasets["synthetic"]}
    for skipped, why in (
        ({}, "biwi is not among the datasets of params.yaml"),
        ({"biwi": "no files"}, "biwi was skipped: no files"),
    ):
        rows = absent_grid(alone, {}, skipped, read_published()).rows
        assert [row[3].text for row in rows if row[1].text == "VOCA"] == [why]


def test_a_published_value_stands_beside_ours_with_difference_and_reason(
    make, tmp_path: Path
) -> None:
    lve = 5.0077e-4  # 0.3 below the printed 5.3077, in the scale of the column
    run = make.done("faceformer", 0)
    split = run.splits["test_a"]
    metrics = dict(split.metrics) | {"lve": make.metric(lve, frames=True)}
    split = split.model_copy(update={"metrics": metrics})
    run = run.model_copy(update={"splits": {"test_a": split}})
    results = make.method_results("faceformer", (run,), **BIWI)
    cells = {row[1].text: texts(row) for row in beside_table1((results,), read_published()).rows}
    row = cells["LVE"]
    assert row[0] == "FaceFormer" and row[2] == "5.008" and row[4] == "5.3077"
    assert row[3] == "x1e-4 (sqrt(area))^2" and row[6] == "-0.3"
    assert row[7] == "not comparable" and "no published file" in row[8]
    other = beside_table1((make.method_results("faceformer", (run,)),), read_published()).rows[0]
    assert texts(other)[6] == "-" and other[6].note == "the units differ"


def test_only_ablations_of_the_paper_stand_beside_it(make) -> None:
    published = read_published()
    assert beside_ablation(make.ablation(paper=""), published) is None
    grid = beside_ablation(make.ablation(), published)
    assert grid is not None and {row[4].text for row in grid.rows} >= {"4.9904", "4.644"}


def test_masks_are_drawn_on_the_head(prepared: Path, make, tmp_path: Path) -> None:
    data = load_dataset("toy", prepared)
    figure = draw_masks(data, tmp_path)
    picture = imread(tmp_path / figure.file)[..., :3]
    yellow = (picture[..., 0] > 0.8) & (picture[..., 1] > 0.75) & (picture[..., 2] < 0.5)
    assert yellow.sum() > 200
    assert "Generated data" in figure.caption
    for name, members in data.spec.masks.items():
        assert f"{name} ({len(members)} vertices)" in figure.alt
    results = make.method_results("gldi", (), dataset="toy")
    part = dataset_part(results, data, tmp_path)
    assert part.splits is not None and [row[0].text for row in part.splits.rows][0] == "train"
    absent = dataset_part(results, None, tmp_path)
    assert absent.splits is None and "not on the machine" in absent.missing


def test_a_row_has_the_pictures_that_were_drawn(make, figures: Path, tmp_path: Path) -> None:
    results = make.method_results("gldi", ())
    (found,) = row_pictures(results, figures)
    assert found.file == "synthetic-gldi-heatmap.png" and "GLDiTalker" in found.alt
    assert "standard deviation" in found.alt and found.caption.startswith("Generated data")
    assert row_pictures(results, tmp_path) == []


def test_a_clip_without_weight_has_no_score_and_a_missing_seed_is_told(make) -> None:
    runs = (make.done("gldi", 0), make.failed(1), make.done("gldi", 2))
    results = make.method_results("gldi", runs)
    mute = runs[0].splits["test_a"].metrics["mouth_opening_correlation"]
    mute = mute.model_copy(
        update={"clips": tuple(clip.model_copy(update={"weight": 0.0}) for clip in mute.clips)}
    )
    assert clip_values(changed(results, mouth_opening_error=mute), "mouth_opening_error") == {}
    key, by_seed = next(iter(clip_values(results, "lve").items()))
    assert key.subject == "F1" and set(by_seed) == {0, 2}
    cell = mean_cell(by_seed, results, 1e-6)
    assert cell.text == f"{number(sum(by_seed.values()) / 2e-6)} (2 of 3 seeds)"
    assert mean_cell({}, results, 1.0).text == "-"
    for grid in (scores_of_row(results), scores_of_clip((results,), key.clip)):
        assert all("(2 of 3 seeds)" in row[-1].text for row in grid.rows)
    beside = beside_table1((results,), read_published()).rows[0]
    assert beside[2].text.endswith("(2 of 3 seeds)")


def changed(results, **metrics):
    """The results with other metrics in every finished run."""
    runs = []
    for run in results.runs:
        splits = {
            name: split.model_copy(update={"metrics": dict(split.metrics) | metrics})
            for name, split in run.splits.items()
        }
        runs.append(run.model_copy(update={"splits": splits}))
    return results.model_copy(update={"runs": tuple(runs)})


def test_a_name_with_underscores_is_one_subject(make) -> None:
    names = ("FaceTalk_170725_00137_TA", "FaceTalk_170809_00138_TA")
    run = make.done("gldi", 0)
    lve = make.metric(1e-6, frames=True, subjects=names)
    split = run.splits["test_a"].model_copy(update={"metrics": {"lve": lve}})
    run = run.model_copy(update={"splits": {"test_a": split}})
    found = subjects_of((make.method_results("gldi", (run,)),))
    assert set(found.values()) == set(names)
    assert [found[clip] for clip in spread(found)] == [*names, *names]


def test_a_clip_that_the_data_has_no_more_says_so(make, prepared: Path, tmp_path: Path) -> None:
    rows = (make.method_results("gldi", (make.done("gldi", 0),), dataset="toy"),)
    data = load_dataset("toy", prepared)
    pages = clip_pages(rows, data, tmp_path, tmp_path)
    assert {page.missing for page in pages} == {"data/toy has no clip of this name any more"}
    pages = clip_pages(rows, None, tmp_path, tmp_path)
    assert {page.missing for page in pages} == {
        "data/toy is not on the machine that built this page"
    }


def test_only_pages_about_generated_data_are_stamped() -> None:
    about = {name: SitePage("f", "t", "x", "p", dataset=name) for name in ("", "biwi", "synthetic")}
    assert about[""].generated(["synthetic"]) == ["synthetic"]
    assert about["synthetic"].generated(["synthetic"]) == ["synthetic"]
    assert about["biwi"].generated(["synthetic"]) == []


def test_loss_curves_say_what_their_data_is(make, tmp_path: Path) -> None:
    results = make.method_results("gldi", (make.done("gldi", 0),))
    curve = Curve("main", 0, [(1.0, 0.5), (2.0, 0.4)], [(2.0, 0.45)])
    figure = draw_curves(results, [curve], tmp_path)
    assert figure is not None
    assert "Generated data" in (tmp_path / figure.file).read_text()
