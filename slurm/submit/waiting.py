"""Waits for submitted steps: what the cluster lost is submitted again; a failure stays."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from bench.common.terminal import say
from bench.pipeline.cache import Cache
from bench.pipeline.progress import QUIET_SECONDS, Progress, title
from bench.pipeline.step import Step
from bench.pipeline.work import describe
from slurm.jobs.step import record_death, why_not
from slurm.submissions.states import Seen, end_of_log, look
from slurm.submit.launcher import Launcher, forget_failures

MEMORY = ("OUT_OF_MEMORY", "exceeded memory limit", "oom-kill", "oom_kill")
ENDED = {"done", "failed", "skipped", "cancelled"}
LOOKS = 2  # a shared disk may show a record later than the cluster shows the job's end

Show = Callable[[Mapping[str, Seen]], None]


class Wait:
    """Follows some steps until each one has a record or was cancelled."""

    def __init__(self, launcher: Launcher, steps: Sequence[Step]):
        self.launcher, self.cache = launcher, launcher.cache
        self.steps = {step.key: step for step in steps}
        self.looks: Counter[str] = Counter()  # that found a job lost, in a row
        self.tries: Counter[str] = Counter()  # submissions after the first one

    def run(self, show: Show) -> dict[str, str]:
        """Wait; returns status by key: done, failed, skipped or cancelled."""
        while True:
            seen = look(self.launcher.ledger, self.cache, self.steps)
            standing = self._standing(seen)
            show(seen)
            if not set(standing.values()) - ENDED:
                return standing
            self._mend(seen, standing)
            time.sleep(self.launcher.cluster.poll_seconds)

    def _standing(self, seen: Mapping[str, Seen]) -> dict[str, str]:
        """How each step stands; one that nobody knows of is lost, unless it waits for another."""
        found: dict[str, str] = {}
        for key, step in self.steps.items():  # parents come first
            record = self.cache.record(key)
            parent = found.get(step.parent.key, "done") if step.parent else "done"
            if record is not None:
                found[key] = record["status"]
            elif key in seen:
                found[key] = seen[key].state
            else:
                found[key] = "lost" if parent in ENDED else "held back"
        return found

    def _mend(self, seen: Mapping[str, Seen], standing: Mapping[str, str]) -> None:
        """Submit what was lost again, or write down why not."""
        lost = [key for key, state in standing.items() if state == "lost"]
        self.looks = Counter({key: self.looks[key] + 1 for key in lost})
        sure = [key for key in lost if self.looks[key] >= LOOKS]
        for key in sure:
            self.looks[key] = 0
            self._give_up_or_count(self.steps[key], seen.get(key))
        if any(self.cache.record(key) is None for key in sure):
            self._retry(sure)

    def _give_up_or_count(self, step: Step, seen: Seen | None) -> None:
        log = end_of_log(self.launcher.ledger, seen) if seen else ""
        word = seen.job.word if seen and seen.job else "never submitted"
        if word == MEMORY[0] or any(each in log for each in MEMORY[1:]):
            reason = "the job was killed for its memory; ask for more (memory_gb of its class)"
            record_death(step, self.cache, "OutOfMemory", reason, log)
        elif self.tries[step.key] >= self.launcher.cluster.retries:
            reason = f"the job ended without a result ({word}), {self.tries[step.key] + 1} times"
            record_death(step, self.cache, "WorkerDied", reason, log)
        else:
            self.tries[step.key] += 1
            return
        self._skip_what_needs(step)

    def _skip_what_needs(self, step: Step) -> None:
        for other in self.steps.values():
            if step.key in {parent.key for parent in other.ancestors()}:
                unknown = self.cache.record(other.key) is None
                if unknown and (reason := why_not(other, self.cache)):
                    record = {**describe(other), "status": "skipped", "reason": reason}
                    self.cache.write_record(other.key, record)

    def _retry(self, lost: Sequence[str]) -> None:
        tries = max(1, *(self.tries[key] for key in lost))
        delay = self.launcher.cluster.backoff_seconds * 2 ** (tries - 1)
        names = ", ".join(title(self.steps[key]) for key in lost[:3])
        more = f" and {len(lost) - 3} more" if lost[3:] else ""
        say(f"the cluster lost {names}{more}; submitted again in {delay:g} s")
        time.sleep(delay)
        waiting = [s for s in self.steps.values() if s.parent and s.parent.key in lost]
        over = forget_failures(self.cache, waiting)  # skipped, as their parent was lost
        self.launcher.submit(list(self.steps.values()), over=over)


class Lines:
    """Tells progress of each step that ends, and now and then says what is still to come."""

    def __init__(self, progress: Progress, cache: Cache, steps: Sequence[Step]):
        self.progress, self.cache = progress, cache
        self.open = {step.key: step for step in steps if cache.record(step.key) is None}
        self.said = time.monotonic()
        if self.open:
            progress.start(list(self.open.values()))

    def __call__(self, seen: Mapping[str, Seen]) -> None:
        for key, step in list(self.open.items()):
            if (record := self.cache.record(key)) is not None:
                del self.open[key]
                self.said = time.monotonic()
                self.progress.finish(step, record["status"])
        if self.open and time.monotonic() - self.said > QUIET_SECONDS:
            self.said = time.monotonic()
            words = [f"{each.state} {each.reason}".strip() for each in seen.values()]
            left = Counter(word for word in words if word != "done")
            told = ", ".join(f"{count} {word}" for word, count in left.items())
            say(f"        {told or 'nothing under way'}")
