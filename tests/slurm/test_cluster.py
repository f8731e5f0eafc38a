"""Everything of a project through a cluster: `bench submit --all --wait`, then `dvc repro`."""

import json
import shutil
import sys

import pytest
from places import LOCAL, PRESET, SLURM, skip_without_slurm
from repository import SMOKE, Copy

from bench.cli.run_methods import RunOptions, run_methods
from bench.pipeline.cache import Cache
from slurm.one_node import one_node_slurm

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("dvc") is None, reason="dvc is not installed"),
]
SMALL = SMOKE | {
    "methods: [template, mean, ridge, voca, meshtalk-sampled, meshtalk-argmax, faceformer, "
    "codetalker, facediffuser, gldi]": "methods: [voca, gldi]",
    "ablations: [gldi-kernel, gldi-quantized-space]": "ablations: []",
    "seeds: [0]": "seeds: [0, 1]",
}
SMALLER = {old: new.replace("[0, 1]", "[0]").replace(", gldi]", "]") for old, new in SMALL.items()}


def times(copy):
    return {path: path.stat().st_mtime_ns for path in (copy.root / ".runs").glob("*/run.json")}


@pytest.mark.parametrize("scheduler", [SLURM, LOCAL])
def test_submit_all_and_wait_fills_the_cache_and_repro_trains_nothing(scheduler, tmp_path, request):
    """Two methods and two seeds of the smoke profile; on this machine less."""
    environment, steps = {}, 15  # 2 seeds x (3 + 4) and the oracle
    if scheduler == "local":
        steps = 4
    else:
        environment = {"SLURM_CONF": request.getfixturevalue("real_slurm")["SLURM_CONF"]}
    copy = Copy(tmp_path, SMALL if scheduler == "slurm" else SMALLER)
    (copy.root / "cluster.yaml").write_text(json.dumps({"scheduler": scheduler, **PRESET}))
    (copy.root / "dvc.yaml").write_text(without_ablations((copy.root / "dvc.yaml").read_text()))
    copy.call("dvc", "repro", "-s", "probe", "data")
    submit = [sys.executable, "-m", "bench.cli.app", "submit", "--all", "--cluster", "cluster.yaml"]
    said = copy.call(*submit, "--wait", **environment)
    assert f"{steps} of {steps} steps are done" in said
    records = list(Cache(copy.root / ".runs").records())
    assert {record["job"]["cluster"] for record in records} == {scheduler}
    before = times(copy)
    copy.repro()
    assert times(copy) == before
    assert (copy.root / "reports/site/index.html").exists()
    assert "VOCA" in (copy.root / "reports/tables/table1.md").read_text()
    rows = json.loads((copy.root / "results/synthetic/voca.json").read_text())
    assert {run["status"] for run in rows["runs"]} == {"done"}
    assert f"{steps} of {steps} steps are cached" in copy.call(*submit, **environment)


def without_ablations(text: str) -> str:
    """dvc.yaml without the stage whose matrix would be empty."""
    head, rest = text.split("  ablation:\n", 1)
    return head + "  arrays:\n" + rest.split("  arrays:\n", 1)[1]


def test_a_new_cluster_that_counts_from_one_again_is_not_fooled_by_old_results(
    project, table, tmp_path, monkeypatch
):
    """Numbers of jobs come again; what an earlier job of that number left is not its result."""
    from places import Place

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


@pytest.mark.parametrize("place", [LOCAL], indirect=True)
def test_bench_run_goes_the_same_way_with_an_executor(place, monkeypatch, capsys):
    """`--executor slurm` submits to the preset that $BENCH_CLUSTER names, and waits."""
    monkeypatch.setenv("BENCH_CLUSTER", place.write_preset())
    options = RunOptions(
        methods=("still",), dataset="toy", seeds=(0,), device="cpu", executor="slurm"
    )
    assert run_methods(options, place.table) == 0
    assert "[3/3] still on toy, seed 0, evaluate: done" in capsys.readouterr().out
    records = [place.record(step) for step in place.steps(method="still")]
    assert {record["job"]["cluster"] for record in records} == {"local"}
    assert run_methods(options, place.table) == 0
    assert len(list(place.ledger.submissions())) == 1
