"""What people ask of submissions, in this process and on a real SLURM."""

import pytest
from places import SLURM, wait_until

from slurm.commands import logs, retry, status


@pytest.mark.parametrize("place", ["debug", SLURM], indirect=True)
def test_a_failing_run_shows_its_traceback_and_stops_no_other(place, capsys):
    """Errors of the work are not tried again on their own, only on demand."""
    both = ("model.fault=raise",)
    assert place.submit(*both, wait=True, seeds=(0, 1)) == 1
    steps = place.steps(*both)
    record = place.record(steps[0])
    assert record["error"] == "RuntimeError" and record["reason"] == "the toy broke on purpose"
    assert [place.record(step)["status"] for step in steps[1:]] == ["skipped"] * 3
    assert logs("talker 0,") == 0
    assert 'raise RuntimeError("the toy broke' in capsys.readouterr().out
    assert status(every=False) == 1
    assert "the toy broke on purpose" in capsys.readouterr().out
    assert place.submit(*both, seeds=(0, 1)) == 0
    assert "8 steps failed or were skipped before; again: bench retry --failed" in place.said
    assert retry(place.table) == 0
    assert "8 steps of 2 runs submitted again" in capsys.readouterr().out
    wait_until(lambda: place.record(steps[3]).get("status") == "skipped")
