"""`dvc repro` on a small copy of the repository, then one edit at a time: what is redone.

The tests share the copy. Every row of params.yaml trains in it; a few go on into tables and page.
VOCASET is turned on too, and absent.
"""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from repository import Copy, replace_in

from bench.common.files import sealed

ROOT = Path(__file__).parents[1]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
ROWS, ABLATIONS = PARAMS["methods"], ["gldi-quantized-space"]  # one is enough of those
SHOWN = ["ridge", "gldi"]  # fitted at once, and trained in two stages
TEMPLATE = next((ROOT / "reports/pages/templates").glob("*.j2")).relative_to(ROOT).as_posix()
ALWAYS = {"probe@synthetic", "probe@vocaset", "fill"}
EDITS = {
    "nothing": ("methods/gldi/__init__.py", '"""', '"""'),
    "docstring": ("methods/gldi/__init__.py", '"""', '"""Reworded. '),
    "metric": ("bench/metrics/face.py", "def mve(", "EDITED = 1\n\n\ndef mve("),
    "loss": ("methods/faceformer/__init__.py", "def loss(", "EDITED = 1\n\n    def loss("),
    "quantiser": ("methods/layers/quantizer.py", "\nclass ", "\nEDITED = 1\n\n\nclass "),
    "template": (TEMPLATE, "</", " </"),
    "hearing": ("methods/layers/speech/log_mel.py", "\nclass ", "\nEDITED = 1\n\n\nclass "),
}

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("dvc") is None, reason="dvc is not installed"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    copy = Copy(
        tmp_path_factory.mktemp("dvc"), datasets=["synthetic", "vocaset"], ablations=ABLATIONS
    )
    copy.call("dvc", "repro", "fill")
    failed = {
        row: [run["reason"] for run in planned["runs"] if run["status"] != "done"]
        for row in ROWS
        for planned in [json.loads((copy.root / f"results/plans/synthetic/{row}.json").read_text())]
    }
    assert not any(failed.values()), failed
    copy.plan(methods=SHOWN)
    copy.repro()
    return copy


@pytest.fixture(scope="module")
def redone(copy):
    """edit -> (row, step) that it would redo, of all rows"""
    return copy.redone(ROWS, EDITS)


def stages_run(output: str) -> set[str]:
    return {
        line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage '")
    }


def test_repro_computes_everything_and_builds_the_page(copy, redone):
    assert redone["nothing"] == set()
    assert (copy.root / "reports" / "site" / "index.html").exists()
    documents = [
        json.loads(p.read_text()) for p in (copy.root / "results").rglob("plans/**/*.json")
    ]
    documents = [each for each in documents if "skipped" not in each]
    ablations = [each for each in documents if "rows" in each]
    methods = [each for each in documents if "rows" not in each]
    methods += [row["planned"] for each in ablations for row in each["rows"]]
    assert {run["status"] for each in methods for run in each["runs"]} == {"done"}
    assert {f"{each['method']}-{each['name']}" for each in ablations} == set(ABLATIONS)


def test_a_second_repro_trains_nothing_and_rebuilds_no_page(copy):
    records = {p: p.stat().st_mtime_ns for p in (copy.root / ".runs").glob("*/run.json")}
    assert stages_run(copy.repro()) == ALWAYS
    assert {p: p.stat().st_mtime_ns for p in (copy.root / ".runs").glob("*/run.json")} == records


def test_times_machines_and_files_left_half_written_are_no_part_of_the_lock_file(copy):
    lock = (copy.root / "dvc.lock").read_bytes()
    for path in (copy.root / ".runs").glob("*/run.json"):
        record = json.loads(path.read_text())
        elsewhere = {"seconds": 1e6, "started": "2031-01-01", "machine": {"cpu": "Abacus 9"}}
        path.write_text(json.dumps(sealed(record | elsewhere)))
    for folder in ("results/synthetic", "data/synthetic", "results/plans"):
        (copy.root / folder / f".{'ab' * 16}.json").touch()
    assert stages_run(copy.repro()) == ALWAYS
    assert stages_run(copy.call("dvc", "repro", "--force", "--single-item", "report")) == {"report"}
    assert (copy.root / "dvc.lock").read_bytes() == lock
    assert "Abacus 9" in (copy.root / "reports/provenance.csv").read_text()


def test_a_dataset_that_is_absent_is_a_line_of_the_report(copy):
    row = json.loads((copy.root / "results/vocaset/gldi.json").read_text())
    assert "VOCASET is not on this machine: raw/vocaset does not exist" in row["skipped"]
    page = (copy.root / "reports/site/index.html").read_text()
    assert row["skipped"] in " ".join(page.split())
    assert not (copy.root / "data/vocaset/manifest.json").exists()


def test_editing_a_docstring_does_nothing(redone):
    assert redone["docstring"] == set()


def test_editing_a_metric_predicts_and_scores_again_and_trains_nothing(redone):
    assert redone["metric"] == {(row, step) for row in ROWS for step in ("predict", "evaluate")}


def test_editing_faceformers_loss_retrains_faceformer_only(redone):
    steps = {("faceformer", step) for step in ("train/main", "predict", "evaluate")}
    assert redone["loss"] == steps


def test_editing_the_quantiser_retrains_the_methods_that_import_it(redone):
    assert {row for row, _ in redone["quantiser"]} == {"codetalker", "gldi"}


def test_editing_a_layer_that_all_hear_through_retrains_all_that_do(redone):
    hearing = {"ridge", "voca", "faceformer", "codetalker", "facediffuser", "gldi"}
    assert {row for row, _ in redone["hearing"]} >= hearing


def test_deleting_one_cache_entry_recomputes_that_one(copy):
    plan = json.loads((copy.root / "results/plans/synthetic/ridge.json").read_text())
    key = plan["runs"][0]["keys"]["evaluate"]
    before = {p.name for p in (copy.root / ".runs").iterdir()}
    shutil.rmtree(copy.root / ".runs" / key)
    assert "1 steps to do" in copy.call("bench", "fill", "--workers", "0")
    assert {p.name for p in (copy.root / ".runs").iterdir()} == before


def test_editing_a_report_template_rebuilds_only_the_report(copy, redone):
    assert redone["template"] == set()
    path, old, new = EDITS["template"]
    replace_in(copy.root / path, {old: new})
    assert stages_run(copy.repro()) == {*ALWAYS, "report"}
