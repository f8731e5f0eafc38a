"""Makes job arrays of steps: grouped by what they ask for, chained task by task.

The steps that are to be done form trees: a step waits for its parent. Trees of the same shape, with
the same classes of resources in the same places, share arrays: their roots are one array, the k-th
children of the roots the next one, and so on. Task i of a child's array waits for task i of its
parent's (SLURM's ``aftercorr``), so that no run waits for another one.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.pipeline.step import Step

ClassOf = Callable[[Step], str]
Shape = tuple[str, tuple["Shape", ...]]


@dataclass(frozen=True)
class Array:
    """Jobs that are submitted together: same resources, one step each."""

    number: int  # its place in the order of submission: parents come first
    resources: str  # name of the class
    steps: tuple[Step, ...]
    parent: int | None = None  # number of the array whose task i task i of this one waits for
    running: tuple[str, ...] = ()  # jobs submitted before that all of it waits for

    @property
    def title(self) -> str:
        """Says what its steps are called, and of which methods they are."""
        names = sorted({step.name for step in self.steps})
        methods = sorted({step.run.method for step in self.steps})
        shown = ", ".join(methods[:4]) + (f" and {len(methods) - 4} more" if methods[4:] else "")
        return f"{', '.join(names)}: {shown}"


def make_arrays(
    steps: Sequence[Step],
    class_of: ClassOf,
    most: int,
    running: Callable[[str], str | None] = lambda _key: None,
) -> list[Array]:
    """Arrays of at most ``most`` tasks for steps that are to be done, in the order of submission.

    ``running(key)`` is the job that does a step already; it is not submitted again, and what
    needs it waits for that job.
    """
    todo = {step.key: step for step in steps if running(step.key) is None}
    roots: list[Step] = []
    children: dict[str, list[Step]] = defaultdict(list)
    for step in todo.values():
        is_child = step.parent is not None and step.parent.key in todo
        (children[step.parent.key] if is_child and step.parent else roots).append(step)

    def shape(step: Step) -> Shape:
        """The classes of a step and of everything that waits for it."""
        return class_of(step), tuple(sorted(shape(child) for child in children[step.key]))

    def add(alike: Sequence[Step], parent: int | None, jobs: tuple[str, ...]) -> None:
        """An array of steps whose trees have one shape, and those of their children."""
        number = len(arrays)
        arrays.append(Array(number, class_of(alike[0]), tuple(alike), parent, jobs))
        # equal children come in one order
        for column in zip(*(sorted(children[s.key], key=shape) for s in alike), strict=True):
            add(column, number, ())

    # by shape and kind of step; those that wait for a running job apart
    groups: dict[tuple[Shape, str, bool], list[Step]] = defaultdict(list)
    for root in roots:
        groups[shape(root), root.name.partition("/")[0], root.parent is not None].append(root)
    arrays: list[Array] = []
    for group in groups.values():
        for start in range(0, len(group), most):
            part = group[start : start + most]
            found = {running(step.parent.key) for step in part if step.parent}
            add(part, None, tuple(sorted(job for job in found if job)))
    return arrays
