"""`dvc repro` on a copy of the repository, then one edit at a time: what depends on it is redone.

The copy runs the smoke profile: the same code with a few steps per stage. VOCASET is turned on too,
and absent. The tests share the copy, so one worker runs them all, and each edit is undone.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "methods", "reports", "slurm")
FILES = ("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore")
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
ROWS, ABLATIONS = PARAMS["methods"], PARAMS["ablations"]
ALWAYS = {"probe@synthetic", "probe@vocaset", "fill"}

pytestmark = [
    pytest.mark.xdist_group("dvc"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("dvc") is None, reason="dvc is not installed"),
]


class Copy:
    """A working copy whose own packages are imported, not the installed ones."""

    def __init__(self, folder: Path):
        self.root = folder / "work"
        ignore = shutil.ignore_patterns("__pycache__", ".*", "tables", "figures", "site")
        for package in PACKAGES:
            shutil.copytree(ROOT / package, self.root / package, ignore=ignore)
        shutil.copytree(ROOT / "datasets", self.root / "datasets", ignore=ignore)
        for name in FILES:
            shutil.copy(ROOT / name, self.root / name)
        params = (self.root / "params.yaml").read_text()
        params = params.replace("profile: mini", "profile: smoke", 1)
        params = params.replace("datasets: [synthetic]", "datasets: [synthetic, vocaset]", 1)
        (self.root / "params.yaml").write_text(params)
        # a folder with the packages alone: the root holds datasets/ and is taken off sys.path
        code = folder / "code"
        code.mkdir()
        for package in PACKAGES:
            (code / package).symlink_to(self.root / package)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(code),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder / "site-cache"),
            "OMP_NUM_THREADS": "1",
            "BENCH_CACHE": str(folder / "cache"),
        }
        self.call("git", "init", "-q")
        self.call("dvc", "init", "-q")

    def call(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def repro(self) -> str:
        return self.call("dvc", "repro")

    def to_do(self) -> set[tuple[str, str]]:
        """(method, step) of everything that is not cached."""
        code = (
            "import json; from bench.session import Choice, Session; from methods import METHODS\n"
            "s = Session(Choice(), METHODS)\n"
            "plans = [s.plan(m, 'synthetic', s.profile.seeds) for m in s.params.methods]\n"
            "print(json.dumps([(p.row, x.name) for p in plans for x in p.steps"
            " if not s.cache.is_done(x.key)]))"
        )
        return {tuple(pair) for pair in json.loads(self.call(sys.executable, "-c", code))}

    def edit(self, path: str, old: str, new: str) -> "Edit":
        return Edit(self.root / path, old, new)


class Edit:
    """One replacement in a file, undone at the end of the block."""

    def __init__(self, path: Path, old: str, new: str):
        self.path, self.before = path, path.read_text()
        assert old in self.before, f"{path} has no {old!r}: adapt this test"
        self.after = self.before.replace(old, new, 1)

    def __enter__(self) -> None:
        self.path.write_text(self.after)

    def __exit__(self, *_: object) -> None:
        self.path.write_text(self.before)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    copy = Copy(tmp_path_factory.mktemp("dvc"))
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
    with copy.edit("methods/layers/log_mel.py", "\nclass ", "\nEDITED = 1\n\n\nclass "):
        assert {method for method, _ in copy.to_do()} >= {
            "ridge",
            "voca",
            "faceformer",
            "codetalker",
            "facediffuser",
            "gldi",
        }


def test_editing_a_report_template_rebuilds_only_the_report(copy):
    template = next((copy.root / "reports" / "templates").glob("*.j2"))
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
