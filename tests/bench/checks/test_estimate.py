"""Plans estimate hours from what the cache's records took, and say where nothing is known."""

from dataclasses import replace
from itertools import count

import pytest

from bench.checks import estimate
from bench.checks.estimate import duration, estimate_lines, estimate_seconds, say_estimate
from bench.pipeline.planner import Choice, Session
from bench.pipeline.work import describe

STARTED = count()


@pytest.fixture
def session(project, table):
    """A session with an empty cache."""
    return Session(Choice(device="cpu"), table)


def steps_of(session, *overrides, method="talker", seed=0):
    session.choice = Choice(device="cpu", overrides=overrides)
    return list(session.plan(method, "toy", [seed]).plans[0])


def note(session, step, seconds, **changes):
    """Write the record of a step that took so long; the latest one is the newest."""
    done = {
        "status": "done",
        "seconds": seconds,
        "started": f"2026-11-24T{next(STARTED):08}",
        "device": "cpu",
        "threads": 1,
        "machine": {"cpu": "A processor", "gpu": "An accelerator"},
    }
    session.cache.write_record(step.key, {**describe(step), **done, **changes})


def again(session):
    """The estimates of a command that starts now: records are read once in a session."""
    estimate._history.cache_clear()
    return session


def test_the_same_step_of_another_seed_takes_the_median(session):
    for seed, seconds in enumerate((40.0, 10.0, 20.0)):
        for step in steps_of(session, seed=seed):
            note(session, step, seconds)
    for step in steps_of(session, seed=7):
        assert estimate_seconds(step, session) == pytest.approx(20.0)
        assert say_estimate(step, session) == "about 20 s"


def test_a_training_takes_a_look_at_every_clip_and_then_its_steps(session):
    """coarse: 12 steps of 2 clips, after 6 clips were looked at; fine: 2 epochs of 2 steps of 4."""
    coarse, fine, *_ = steps_of(session)
    note(session, coarse, 6.0 + 12 * 2)
    note(session, fine, 6.0 + 4 * 4)
    longer = steps_of(session, "train.coarse.steps=120", "train.fine.epochs=4", seed=1)
    assert estimate_seconds(longer[0], session) == pytest.approx(6 + 120 * 2)
    assert estimate_seconds(longer[1], session) == pytest.approx(6 + 8 * 4)
    larger = steps_of(session, "train.coarse.batch_size=4", seed=1)[0]
    assert estimate_seconds(larger, session) == pytest.approx(6 + 12 * 4)


def test_a_prediction_takes_its_samples(session):
    """4 clips of test_a (3 draws each), 2 x 2 of test_b, 4 with other audio."""
    note(session, steps_of(session)[2], 4 * 3 + 4 + 4)
    more = steps_of(session, "predict.num_samples=5", seed=1)[2]
    assert estimate_seconds(more, session) == pytest.approx(4 * 5 + 4 + 4)


def test_records_of_the_same_model_and_threads_come_first(session):
    plain, wide = steps_of(session)[0], steps_of(session, "model.coarse.width=7")[0]
    many = steps_of(session, "train.threads=2")[0]
    note(session, wide, 100.0)
    assert estimate_seconds(plain, session) == pytest.approx(100.0)  # better than nothing
    note(session, plain, 10.0)
    note(session, many, 1.0, threads=2)
    again(session)
    assert estimate_seconds(steps_of(session, seed=1)[0], session) == pytest.approx(10.0)
    two = steps_of(session, "train.threads=2", seed=1)[0]
    assert estimate_seconds(two, session) == pytest.approx(1.0)


def test_only_the_newest_records_count(session, monkeypatch):
    monkeypatch.setattr(estimate, "NEWEST", 2)
    for seed, seconds in enumerate((100.0, 1.0, 3.0)):
        note(session, steps_of(session, seed=seed)[0], seconds)
    assert estimate_seconds(steps_of(session, seed=7)[0], session) == pytest.approx(2.0)


@pytest.mark.parametrize(
    "changes", [{"device": "cuda"}, {"status": "failed"}, {"dataset": "x"}, {"method": "still"}]
)
def test_what_was_something_else_is_no_measure(changes, session):
    step = steps_of(session)[0]
    note(session, step, 5.0, **changes)
    assert estimate_seconds(step, session) is None
    assert say_estimate(step, session) == "no estimate: nothing like it has run here"


def test_a_record_of_another_version_is_passed_over(session):
    """It has an option that trainings no longer have."""
    new = steps_of(session)[0]
    train = {**new.inputs["train"], "momentum": 0.9}
    note(session, replace(new, inputs={**new.inputs, "train": train}), 5.0)
    assert estimate_seconds(new, session) is None
    note(session, new, 7.0)
    assert estimate_seconds(new, again(session)) == pytest.approx(7.0)


def test_the_sum_is_in_core_hours_and_says_what_it_rests_on(session):
    steps = steps_of(session, "train.threads=2")
    for step in steps:
        note(session, step, 900.0, threads=2)
    lines = estimate_lines([*steps, *steps], session)  # a step is done once
    assert lines[0] == f"in all about {8 * 900 / 3600:.2g} core hours"
    assert lines[1] == "  from records of A processor"
    assert lines[2].startswith("  assumed: ")


def test_steps_without_a_record_are_counted(session):
    steps = steps_of(session)
    assert estimate_lines(steps, session) == [
        "no estimate of the hours: nothing like these steps has run here"
    ]
    assert estimate_lines([], session) == []
    note(session, steps[0], 3600.0)
    lines = estimate_lines(steps, again(session))
    assert lines[0] == "in all about 1 core hours, and 3 steps without an estimate"


def test_records_are_read_once_and_a_row_is_worked_out_once(session, monkeypatch):
    """A plan may have thousands of steps, and a cache thousands of records."""
    note(session, steps_of(session)[0], 5.0)
    reads, looks = [], []
    cache, history = type(session.cache), estimate.History
    records, look = cache.records, history._like
    monkeypatch.setattr(cache, "records", lambda self: reads.append(1) or records(self))
    monkeypatch.setattr(history, "_like", lambda self, step: looks.append(1) or look(self, step))
    steps = [s for plan in session.plan("talker", "toy", range(50)).plans for s in plan]
    estimate_lines(steps, session)
    assert len(steps) == 200 and len(reads) == 1 and len(looks) == 4


def test_a_dry_run_prints_times_and_the_sum(command):
    talker = ("-m", "toy_talker:ToyTalker", "--device", "cpu")
    without = command(*talker, "--dry-run")
    assert without.code == 0 and "core hours" not in without.out
    assert without.out.count("no estimate: nothing like it has run here") == 4
    assert command(*talker, "--workers", "0").code == 0
    lines = command(*talker, "--dry-run", "--seed", "5").out.splitlines()
    assert len([line for line in lines if "to do" in line and ", about " in line]) == 4
    assert any(line.startswith("in all about ") and "core hours" in line for line in lines)


def test_durations_have_two_digits_in_a_unit_that_fits():
    texts = [duration(seconds) for seconds in (0.61, 17.2, 119.0, 600.0, 7199.0, 4e4, 4e5)]
    assert texts == ["0.61 s", "17 s", "120 s", "10 min", "120 min", "11 h", "110 h"]
