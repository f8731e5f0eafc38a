"""A job: it does one step, which ends, fails as a record, or stops in time and is queued again.

Importing this module and unpickling a Job must stay light: a signal may come at any moment, and
the method's own modules are imported only after the job is ready for it.
"""

import pickle
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from submitit.core.utils import DelayedSubmission, UncompletedJobError

from bench.common.environment import leave_repository_root
from bench.training.stopping import Interrupted


class Job:
    """A picklable callable: do one step of a plan in the cache."""

    def __init__(self, step: bytes, runs: str):
        self.step, self.runs = step, runs  # a pickled Step; the cache's folder

    def __call__(self) -> str:
        """Do the step; returns its status. A second call goes on from the first's checkpoint."""
        warned = Warned()
        leave_repository_root()
        from bench.pipeline.cache import Cache
        from slurm.jobs.step import do_step, record_time_limit

        step, cache = pickle.loads(self.step), Cache(Path(self.runs))  # our own, from our folder
        try:
            return do_step(step, cache, warned)
        except Interrupted:
            try:
                warned.pass_on()  # submitit's handler queues the job again and ends the process
            except UncompletedJobError as error:
                record_time_limit(step, cache, str(error))
                raise
            raise

    def checkpoint(self) -> DelayedSubmission:
        """The same job again, for submitit to queue: it finds its checkpoint."""
        return DelayedSubmission(self)


class Warned:
    """Notes the warning of a time limit or a preemption: submitit's signal.

    Its own handler would leave the work at once, wherever it is. This one only notes the signal;
    the work looks at it where it can save itself, and then passes it on to submitit's.
    """

    def __init__(self) -> None:
        from submitit.core.job_environment import JobEnvironment

        self.signal: int = JobEnvironment._usr_sig()
        self.came = False
        self.passed_to: Any = None
        if signal.getsignal(self.signal) not in (signal.SIG_DFL, signal.SIG_IGN, None):
            self.passed_to = signal.signal(self.signal, self._note)

    def __call__(self) -> bool:
        return self.came

    def pass_on(self) -> None:
        """Let submitit do what it would have done at once."""
        if self.passed_to is not None:
            self.passed_to(self.signal, None)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.came = True
        print(f"{signal.Signals(number).name}: saving at the next step", file=sys.stderr)
