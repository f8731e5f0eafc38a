"""Progress of many steps at once: live lines in a terminal, plain lines in a log."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from bench.common.terminal import console, say
from bench.pipeline.cache import Cache
from bench.pipeline.step import Step

QUIET_SECONDS = 20.0  # in a log, a running step says where it is this often


class Progress:
    """Shows which steps run, how far they are, and what came of them."""

    def __init__(self, out: Console | None = None):
        self.console = out or console()
        self.live = self.console.is_terminal
        self.bars: Bars | None = None
        self.steps: dict[str, Step] = {}
        self.tasks: dict[str, TaskID] = {}
        self.said: dict[str, float] = {}
        self.done = 0

    def start(self, steps: Sequence[Step]) -> None:
        """Called once with everything that will run."""
        self.steps = {step.key: step for step in steps}
        self.console.print(f"{len(steps)} steps to do")
        if self.live and self.bars is None:
            self.bars = Bars(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self.console,
            )
            self.bars.start()
            self.total = self.bars.add_task("all steps", total=len(steps))

    def update(self, key: str, text: str) -> None:
        """A running step's own words: "12/600 loss 0.1, 40 clips/s, 15 s left"."""
        label = f"{title(self.steps[key])}: {text}"
        if self.bars:
            done, _, total = text.partition(" ")[0].partition("/")
            if key not in self.tasks:
                self.tasks[key] = self.bars.add_task(label, total=int(total))
            self.bars.update(self.tasks[key], description=label, completed=int(done))
        elif time.monotonic() - self.said.setdefault(key, time.monotonic()) > QUIET_SECONDS:
            self.said[key] = time.monotonic()
            self.console.print(f"        {label}", highlight=False, soft_wrap=True)

    def finish(self, step: Step, status: str) -> None:
        """Called when a step ends."""
        self.done += 1
        line = (
            f"[{self.done:>{len(str(len(self.steps)))}}/{len(self.steps)}] {title(step)}: {status}"
        )
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)
        if self.bars:
            task = self.tasks.pop(step.key, None)
            if task is not None:
                self.bars.remove_task(task)
            self.bars.update(self.total, completed=self.done)

    def close(self) -> None:
        """Stop the live display."""
        if self.bars:
            self.bars.stop()


def title(step: Step) -> str:
    """A step in a few words."""
    run = step.run
    variant = "" if run.variant == "default" else f" {run.variant}"
    return f"{run.method}{variant} on {run.dataset}, seed {run.seed}, {step.name}"


def say_cached(steps: Sequence[Step], cache: Cache, brief: bool = False) -> None:
    """Say which steps are cached: each one by name, or (brief) only how many."""
    cached = [step for step in steps if cache.is_done(step.key)]
    say(f"{len(cached)} of {len(steps)} steps are cached in {cache.root}/")
    for step in [] if brief else cached:
        say(f"  cached {step.key[:12]}  {title(step)}")
