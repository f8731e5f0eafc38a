"""`bench run` goes the same way as `bench submit` with another executor."""

import pytest

from bench.cli.run_methods import RunOptions, run_methods


@pytest.mark.parametrize("place", ["debug"], indirect=True)
def test_bench_run_submits_and_waits(place, monkeypatch, capsys):
    """`--executor slurm` submits to the preset that $BENCH_CLUSTER names."""
    monkeypatch.setenv("BENCH_CLUSTER", place.write_preset())
    options = RunOptions(
        methods=("still",), dataset="toy", seeds=(0,), device="cpu", executor="slurm"
    )
    assert run_methods(options, place.table) == 0
    assert "[3/3] still on toy, seed 0, evaluate: done" in capsys.readouterr().out
    assert {place.record(step)["status"] for step in place.steps(method="still")} == {"done"}
    assert run_methods(options, place.table) == 0
    assert len(list(place.ledger.submissions())) == 1
