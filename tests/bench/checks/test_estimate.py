"""Plans estimate hours from what was measured, and say where nothing was."""

import shutil

import pytest

from bench.checks.estimate import duration, estimate_lines, estimate_seconds
from bench.checks.timing_notes import write_timing
from bench.pipeline.planner import Choice, Session
from tests.bench.checks.test_timing import TIMING, changed


@pytest.fixture
def session(toys, project, table, monkeypatch, tmp_path):
    """The talker with a preset of one's own, whose head a test may write."""
    folder = tmp_path / "talker"
    shutil.copytree(toys / "talker", folder, ignore=shutil.ignore_patterns("__pycache__"))
    for module in ("bench.pipeline.planner", "bench.checks.estimate"):
        monkeypatch.setattr(f"{module}.preset_folder", lambda _: folder)
    made = Session(Choice(device="cpu"), table)
    made.preset = folder / "toy-mini.yaml"
    return made


def steps_of(session, *overrides):
    session.choice = Choice(device="cpu", overrides=overrides)
    return list(session.plan("talker", "toy", [0]).plans[0])


def test_a_training_is_its_steps_its_validations_and_a_first_look(session):
    """coarse: 12 steps, validated after 5, 10 and 12, 6 + 2 clips; fine: 2 epochs of 2 steps."""
    write_timing(session.preset, TIMING)
    coarse, fine, predict, evaluate = steps_of(session)
    assert estimate_seconds(coarse, session) == pytest.approx(12 * 0.5 + 8 * 0.125 + 3 * 2 * 0.1)
    assert estimate_seconds(fine, session) == pytest.approx(4 * 0.25 + 1 * 2 * 0.1)
    # 4 clips of test_a (3 draws each), 2 x 2 of test_b, 4 with other audio
    assert estimate_seconds(predict, session) == pytest.approx(12 * 2.0 + 8 * 1.0)
    assert estimate_seconds(evaluate, session) is None


def test_overrides_of_the_length_count(session):
    write_timing(session.preset, TIMING)
    longer = steps_of(session, "train.coarse.steps=120")[0]
    assert estimate_seconds(longer, session) == pytest.approx(120 * 0.5 + 1.0 + 24 * 2 * 0.1)


def test_another_device_is_no_measure(session):
    write_timing(session.preset, changed(device="cuda"))
    assert estimate_seconds(steps_of(session)[0], session) is None
    assert estimate_lines(steps_of(session), session) == []


def test_the_sum_is_in_core_hours_and_says_what_it_rests_on(session):
    write_timing(session.preset, TIMING)
    steps = steps_of(session, "train.threads=2")
    total = 2 * (7.6 + 1.2 + 32) / 3600
    lines = estimate_lines(steps, session)
    assert lines[0] == f"in all about {total:.2g} core hours"
    assert "A processor, 2 threads (2026-11-24, generated data of the dataset's size)" in lines[1]
    assert lines[2].startswith("  assumed: ")


def test_stages_without_a_measure_are_counted(session):
    timing = changed(seconds_per_new_clip={"fine": 0.0}, seconds_per_step={"fine": 1.0})
    write_timing(session.preset, timing)
    assert estimate_lines(steps_of(session), session)[0].endswith("and 1 step without an estimate")


def test_a_damaged_head_stops_a_dry_run_in_one_line(session):
    session.preset.write_text("# bench time: soon\n" + session.preset.read_text())
    with pytest.raises(ValueError, match=r"toy-mini\.yaml, line 1: not a line of `bench time`"):
        estimate_seconds(steps_of(session)[0], session)


def test_a_dry_run_prints_times_and_the_sum(command, monkeypatch, toys, tmp_path):
    folder = tmp_path / "talker"
    shutil.copytree(toys / "talker", folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("bench.checks.estimate.preset_folder", lambda _: folder)
    arguments = ("-m", "toy_talker:ToyTalker", "--dry-run", "--device", "cpu")
    without = command(*arguments)
    assert without.code == 0 and "in all" not in without.out
    assert without.out.count("no estimate: bench time toy_talker") == 3
    write_timing(folder / "toy-mini.yaml", TIMING)
    lines = command(*arguments).out.splitlines()
    assert [line.rpartition(", ")[2] for line in lines if "about" in line][:3] == [
        "about 7.6 s",
        "about 1.2 s",
        "about 32 s",
    ]
    assert any(line.startswith("in all about 0.011 core hours") for line in lines)
    assert not any("about" in line for line in lines if "evaluate" in line)


def test_durations_have_two_digits_in_a_unit_that_fits():
    texts = [duration(seconds) for seconds in (0.61, 17.2, 119.0, 600.0, 7199.0, 4e4, 4e5)]
    assert texts == ["0.61 s", "17 s", "120 s", "10 min", "120 min", "11 h", "110 h"]
