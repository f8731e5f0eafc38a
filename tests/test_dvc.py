"""`dvc repro` on a copy of the repository, then one edit at a time: what depends on it is redone.

The copy runs the smoke profile: the same code with a few steps per stage. VOCASET is turned on too,
and absent. The tests share the copy, so one worker runs them all, and each edit is undone.
"""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from repository import SMOKE, Copy

ROOT = Path(__file__).parents[1]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
ROWS, ABLATIONS = PARAMS["methods"], ["gldi-quantized-space"]  # one is enough of those
ALWAYS = {"probe@synthetic", "probe@vocaset", "fill"}

pytestmark = [
    pytest.mark.xdist_group("dvc"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("dvc") is None, reason="dvc is not installed"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    changes = {
        "datasets: [synthetic]": "datasets: [synthetic, vocaset]",
        f"ablations: [{', '.join(PARAMS['ablations'])}]": f"ablations: {ABLATIONS}",
    }
    copy = Copy(tmp_path_factory.mktemp("dvc"), SMOKE | changes)
    copy.repro()
    return copy


def stages_run(output: str) -> set[str]:
    return {
        line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage '")
    }


def test_repro_computes_everything_and_builds_the_page(copy):
    assert copy.to_do() == set()
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


def test_a_dataset_that_is_absent_is_a_line_of_the_report(copy):
    row = json.loads((copy.root / "results/vocaset/gldi.json").read_text())
    assert "VOCASET is not on this machine: raw/vocaset does not exist" in row["skipped"]
    page = (copy.root / "reports/site/index.html").read_text()
    assert row["skipped"] in " ".join(page.split())
    assert not (copy.root / "data/vocaset/manifest.json").exists()


def test_editing_a_docstring_does_nothing(copy):
    with copy.edit("methods/gldi/__init__.py", '"""', '"""Reworded. '):
        assert copy.to_do() == set()


def test_editing_a_metric_scores_again_and_trains_nothing(copy):
    with copy.edit("bench/metrics/face.py", "def mve(", "EDITED = 1\n\n\ndef mve("):
        steps = copy.to_do()
    assert {step for _, step in steps} == {"evaluate"}
    assert {row for row, _ in steps} == set(ROWS)


def test_editing_faceformers_loss_retrains_faceformer_only(copy):
    with copy.edit("methods/faceformer/__init__.py", "def loss(", "EDITED = 1\n\n    def loss("):
        steps = copy.to_do()
    assert steps == {("faceformer", step) for step in ("train/main", "predict", "evaluate")}


def test_editing_the_quantiser_retrains_the_methods_that_import_it(copy):
    path = "methods/layers/quantizer.py"
    with copy.edit(path, "\nclass ", "\nEDITED = 1\n\n\nclass "):
        methods = {method for method, _ in copy.to_do()}
    assert methods == {"codetalker", "gldi"}


def test_editing_a_layer_that_all_hear_through_retrains_all_that_do(copy):
    with copy.edit("methods/layers/speech/log_mel.py", "\nclass ", "\nEDITED = 1\n\n\nclass "):
        assert {method for method, _ in copy.to_do()} >= {
            "ridge",
            "voca",
            "faceformer",
            "codetalker",
            "facediffuser",
            "gldi",
        }


def test_editing_a_report_template_rebuilds_only_the_report(copy):
    template = next((copy.root / "reports" / "pages" / "templates").glob("*.j2"))
    with copy.edit(str(template.relative_to(copy.root)), "</", " </"):
        assert copy.to_do() == set()
        assert stages_run(copy.repro()) == {*ALWAYS, "report"}
    copy.repro()


def test_deleting_one_cache_entry_recomputes_that_one(copy):
    plan = json.loads((copy.root / "results/plans/synthetic/ridge.json").read_text())
    key = plan["runs"][0]["keys"]["evaluate"]
    shutil.rmtree(copy.root / ".runs" / key)
    before = {p.name for p in (copy.root / ".runs").iterdir()}
    assert copy.to_do() == {("ridge", "evaluate")}
    assert "1 steps to do" in copy.call("bench", "fill")
    assert {p.name for p in (copy.root / ".runs").iterdir()} == before | {key}
