"""What a person sees of many steps: plain lines in a log, bars in a terminal."""

from io import StringIO

import pytest
from rich.console import Console

from bench.pipeline import progress as module
from bench.pipeline.progress import Progress, title

WORDS = "12/600 loss 0.1, 40.0 clips/s, 15 s left"


@pytest.fixture
def log():
    return StringIO()


def said(log):
    return log.getvalue().splitlines()


def test_a_step_is_named_by_method_dataset_seed_and_kind(plan):
    assert title(plan(seed=3)[1]) == "talker on toy, seed 3, train/fine"


def test_a_log_has_a_line_for_every_finished_step(plan, log):
    steps = plan(method="still")
    progress = Progress(Console(file=log, width=40))
    progress.start(steps)
    for step, status in zip(steps, ("done", "failed", "skipped"), strict=True):
        progress.finish(step, status)
    progress.close()
    assert said(log) == [
        "3 steps to do",
        "[1/3] still on toy, seed 0, train/main: done",
        "[2/3] still on toy, seed 0, predict: failed",
        "[3/3] still on toy, seed 0, evaluate: skipped",
    ]


def test_a_running_step_speaks_in_a_log_now_and_then(plan, log, monkeypatch):
    (step,) = plan()[:1]
    progress = Progress(Console(file=log, width=40))
    progress.start([step])
    for second in (0, 10, 21, 22, 40, 42):
        monkeypatch.setattr(module.time, "monotonic", lambda second=second: 100.0 + second)
        progress.update(step.key, f"{second} of 42")
    assert said(log)[1:] == [f"        {title(step)}: {second} of 42" for second in (21, 42)]


def test_a_terminal_shows_bars_that_end_with_their_step(plan, log):
    steps = plan()
    progress = Progress(Console(file=log, force_terminal=True, width=120))
    progress.start(steps)
    progress.update(steps[0].key, WORDS)
    (task,) = [t for t in progress.bars.tasks if t.id in progress.tasks.values()]
    assert (task.completed, task.total) == (12, 600) and WORDS in task.description
    progress.finish(steps[0], "done")
    assert not progress.tasks
    assert progress.bars.tasks[0].completed == 1
    progress.close()
