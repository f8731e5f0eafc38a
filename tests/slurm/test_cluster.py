"""Everything of a project through a cluster: `bench submit --all --wait`, then `dvc repro`."""

import json
import shutil
import sys

import pytest
from places import PRESET, Place, skip_without_slurm
from repository import Copy

from bench.pipeline.cache import Cache
from slurm.one_node import one_node_slurm

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.xdist_group("slurm"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("dvc") is None, reason="dvc is not installed"),
]


def times(copy):
    return {path: path.stat().st_mtime_ns for path in (copy.root / ".runs").glob("*/run.json")}


def test_submit_all_and_wait_fills_the_cache_and_repro_trains_nothing(real_slurm, tmp_path):
    """Two methods and two seeds of the smoke profile: 2 x (3 + 4) steps, and the oracle."""
    environment = {"SLURM_CONF": real_slurm["SLURM_CONF"]}
    copy = Copy(tmp_path, {"seeds: [0]": "seeds: [0, 1]"}, methods=["voca", "gldi"], ablations=[])
    (copy.root / "cluster.yaml").write_text(json.dumps({"scheduler": "slurm", **PRESET}))
    copy.call("dvc", "repro", "-s", "probe", "data")
    submit = [sys.executable, "-m", "bench.cli.app", "submit", "--all", "--cluster", "cluster.yaml"]
    said = copy.call(*submit, "--wait", **environment)
    assert "15 of 15 steps are done" in said
    records = list(Cache(copy.root / ".runs").records())
    assert {record["job"]["cluster"] for record in records} == {"slurm"}
    before = times(copy)
    copy.repro()
    assert times(copy) == before
    assert (copy.root / "reports/site/index.html").exists()
    assert "VOCA" in (copy.root / "reports/tables/table1.md").read_text()
    rows = json.loads((copy.root / "results/synthetic/voca.json").read_text())
    assert {run["status"] for run in rows["runs"]} == {"done"}
    assert "15 of 15 steps are cached" in copy.call(*submit, **environment)


def test_a_new_cluster_that_counts_from_one_again_is_not_fooled_by_old_results(
    project, table, tmp_path, monkeypatch
):
    """Numbers of jobs come again; what an earlier job of that number left is not its result."""
    skip_without_slurm()
    place = Place("slurm", project.root, table)
    for attempt in range(2):
        folder = tmp_path / f"cluster{attempt}"
        folder.mkdir()
        with one_node_slurm(folder, cpus=2, first_job=5) as environment:
            for name in ("SLURM_CONF", "PATH"):
                monkeypatch.setenv(name, environment[name])
            assert place.submit(wait=True, methods=("still",)) == 0
        steps = place.steps(method="still")
        assert [place.record(step)["job"]["id"] for step in steps] == ["5", "6", "7"]
        if attempt == 0:
            for step in steps:
                place.cache.remove(step.key)
    assert len(list(place.ledger.submissions())) == 2
