"""Plans say how much they will write; what runs wrote is beside it."""

import re

import pytest

from bench.checks.disk import amount, disk_bytes, disk_lines
from bench.pipeline.planner import Choice, Session


@pytest.fixture
def session(project, table):
    """A session with an empty cache."""
    return Session(Choice(device="cpu"), table)


def written(cache, step):
    return sum(p.stat().st_size for p in cache.folder(step.key).rglob("*") if p.is_file())


@pytest.mark.parametrize("options", [[], ["predict.num_samples=7"], ["model.coarse.width=100"]])
def test_a_run_writes_what_its_plan_says(options, plan, work, cache, session):
    """Within a factor of two, and most steps much nearer: faces of 42 vertices are small beside
    what every file has."""
    steps = plan(*options)
    work(steps)
    told = [disk_bytes(step, session) for step in steps]
    found = [written(cache, step) for step in steps]
    assert [t / f for t, f in zip(told, found, strict=True)] == [pytest.approx(1, abs=0.5)] * 4
    assert sum(told) / sum(found) == pytest.approx(1, abs=0.4)


def test_samples_count_up_to_those_that_are_kept(plan, session):
    def size(samples):
        return disk_bytes(plan(f"predict.num_samples={samples}")[2], session)

    assert size(1) < size(2) < size(5) == size(50)


def test_larger_models_write_more_and_a_step_is_counted_once(plan, session):
    small, large = plan(), plan("model.coarse.width=1000")
    assert disk_bytes(large[0], session) > 10 * disk_bytes(small[0], session)
    assert disk_lines([*small, *small], session) == disk_lines(small, session)
    assert disk_lines([], session) == []


def test_a_dry_run_says_how_much_will_be_written(command):
    said = command("-m", "toy_talker:ToyTalker", "--device", "cpu", "--dry-run").out
    sizes = r"[\d.]+ [MG]B"
    assert re.search(
        rf"in all about {sizes} on disk: {sizes} of weights, {sizes} of predictions, "
        rf"{sizes} of scores\n  and while a stage is trained, up to {sizes} more",
        said,
    )


def test_amounts_have_two_digits_in_a_unit_that_fits():
    assert [amount(size) for size in (0, 1234, 99_000_000, 123_456_789, 98_765_432_100)] == [
        "0 MB",
        "0.0012 MB",
        "99 MB",
        "0.12 GB",
        "99 GB",
    ]
