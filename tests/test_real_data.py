"""The whole pipeline on miniature fakes of every release: prepare, train, score, tables, page.

Three raw releases in one project, the processed layouts in another; one dataset more is turned on
and absent. Every method has two steps of its smallest preset.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.collect.fill import fill
from bench.collect.results import collect, collect_figures, collect_variants
from bench.prepare.probe import prepare
from bench.registry.rows import Registry
from methods import METHODS
from reports.figures import build_figures
from reports.site import build_site
from reports.tables import build_tables

PARAMS = """
profile: smoke
datasets: [{datasets}]
methods: [{rows}]
ablations: [{ablations}]
profiles:
  smoke:
    preset: mini
    fallback: synthetic
    seeds: [0]
    set: [train.steps=2, train.validate_every=1, predict.num_samples=2]
"""
# releases, rows and ablations; both forms become the same clips, says test_prepare.py, so what
# takes longest is done on one of them
PROJECTS = {
    "raw": (
        ("biwi", "vocaset", "multiface"),
        ("faceformer", "gldi"),
        ("gldi-requantize",),
    ),
    "processed": (("biwi-processed", "vocaset-processed"), ("template", "faceformer"), ()),
}

pytestmark = pytest.mark.timeout(600)


class Project:
    """A folder in which everything of one form was run."""

    def __init__(self, root: Path, form: str, releases, monkeypatch):
        monkeypatch.chdir(root)
        for name in ("RAW", "DATA", "RUNS", "CACHE"):
            monkeypatch.setenv(f"BENCH_{name}", str(root / name.lower()))
        self.root = root
        kinds, self.rows, ablations = PROJECTS[form]
        names = [kind.partition("-")[0] for kind in kinds]
        for kind, name in zip(kinds, names, strict=True):
            releases.write(kind, root / "raw" / name, root / "datasets")
        self.datasets = ("biwi", "vocaset", "multiface")
        self.absent = set(self.datasets) - set(names)
        for name in self.absent:
            releases.write_card(name, root / "datasets")
        lists = {"datasets": self.datasets, "rows": self.rows, "ablations": ablations}
        text = PARAMS.format(**{name: ", ".join(values) for name, values in lists.items()})
        (root / "params.yaml").write_text(text)
        for name in self.datasets:
            assert prepare(name) == 0
        assert fill(None, 0, Registry(METHODS)) == 0
        for name in self.datasets:
            for row in (*self.rows, "oracle"):
                collect(name, row)
            for ablation in ablations:
                collect_variants(name, ablation)
            collect_figures(name)
        build_tables(root / "results", root / "reports/tables")
        build_figures(root / "results", root / "reports/figures")
        index = build_site(
            root / "results",
            root / "reports/tables",
            root / "reports/figures",
            root / "runs",
            root / "reports/site",
            root / "data",
        )
        pages = sorted(index.parent.glob("*.html"))
        self.page = "\n".join(page.read_text() for page in pages)  # of the whole site

    def results(self, dataset: str, row: str) -> dict:
        return json.loads((self.root / "results" / dataset / f"{row}.json").read_text())


@pytest.fixture(scope="module", params=PROJECTS)
def project(request, releases, tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        root = tmp_path_factory.mktemp(request.param)
        yield Project(root, request.param, releases, monkeypatch)


def test_every_row_is_scored_on_every_dataset_that_is_there(project):
    for dataset in set(project.datasets) - project.absent:
        for row in project.rows:
            (run,) = project.results(dataset, row)["runs"]
            assert run["status"] == "done", (dataset, row, run["reason"])
            splits = {"test_b"} if dataset == "vocaset" else {"test_a", "test_b"}
            assert {k for k, v in run["splits"].items() if v["metrics"]} == splits
            shown = run["splits"]["test_b" if dataset == "vocaset" else "test_a"]
            lve = shown["metrics"]["lve"]["value"]
            assert lve is not None and np.isfinite(lve) and lve > 0
            assert run["splits"]["test_b"]["conditioning"] == "all training styles"
            assert set(run["splits"]["test_b"]["best_style"]) >= {"lve", "fdd", "mve"}
            assert run["splits"]["test_b"]["frames_scored"] > 0
        assert not project.results(dataset, "faceformer")["generated"]


def test_an_absent_dataset_has_a_line_that_says_why(project):
    for dataset in project.absent:
        reason = project.results(dataset, "faceformer")["skipped"]
        assert "is not on this machine" in reason and "README.md" in reason
        assert reason in " ".join(project.page.split())
    assert ("<strong>Not run:" in project.page) == bool(project.absent)


def test_masks_are_named_where_a_reader_sees_them(project):
    fallback = "geometric fallback" in project.page
    listed = "regions/lve.txt" in project.page
    assert (fallback, listed) == ((True, False) if not project.absent else (False, True))


def test_figures_of_vocaset_show_one_style_per_clip_the_same_for_all(project):
    with np.load(project.root / "results/vocaset/heatmaps.npz") as maps:
        assert {*project.rows, "ground_truth", "clip_name"} <= set(maps.files)
        assert str(maps["clip_name"]).startswith("FaceTalk_170809_00138_TA")
    assert "style drawn at random per clip" in project.page.lower()


def test_validation_hears_subjects_without_a_style_in_every_style(project):
    keys = project.results("vocaset", "faceformer")["runs"][0]["keys"]
    curves = json.loads((project.root / "runs" / keys["train/main"] / "curves.json").read_text())
    assert len(curves["validation"]) == 2
