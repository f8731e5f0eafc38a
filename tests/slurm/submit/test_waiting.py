"""Waiting ends, whatever became of the jobs."""

from slurm.submit.waiting import Wait


def test_waiting_submits_what_nobody_knows_of(noted, plan):
    """Somebody deleted the ledger: nothing hangs, what is missing is submitted again."""
    steps = plan()
    launcher = noted.launcher(retries=1, poll_seconds=0.01, backoff_seconds=0.0)
    status = Wait(launcher, steps).run(lambda seen: None)
    assert [status[step.key] for step in steps] == ["failed", "skipped", "skipped", "skipped"]
    assert noted.cache.record(steps[0].key)["error"] == "WorkerDied"
    assert len(list(noted.ledger.submissions())) == 1
