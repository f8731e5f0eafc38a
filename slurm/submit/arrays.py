"""From steps to job arrays: grouped by what they ask for, chained task by task.

The steps that are to be done form trees: a step waits for its parent. Trees of the same shape, with
the same classes of resources in the same places, share arrays: their roots are one array, the k-th
children of the roots the next one, and so on. Task i of a child's array waits for task i of its
parent's (SLURM's ``aftercorr``), so that no run waits for another one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

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
        """What its steps are called, and of which methods."""
        names = sorted({step.name for step in self.steps})
        methods = sorted({step.run.method for step in self.steps})
        shown = ", ".join(methods[:4]) + (f" and {len(methods) - 4} more" if methods[4:] else "")
        return f"{', '.join(names)}: {shown}"


@dataclass
class _Tree:
    step: Step
    children: list["_Tree"] = field(default_factory=list)
    shape: Shape = ("", ())


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
    todo = {step.key: _Tree(step) for step in steps if running(step.key) is None}
    roots: list[_Tree] = []
    for tree in todo.values():
        parent = tree.step.parent
        if parent is not None and parent.key in todo:
            todo[parent.key].children.append(tree)
        else:
            roots.append(tree)
    for root in roots:
        _measure(root, class_of)
    arrays: list[Array] = []
    for group in _alike(roots):
        for start in range(0, len(group), most):
            part = group[start : start + most]
            jobs = [running(tree.step.parent.key) for tree in part if tree.step.parent]
            _add(part, None, tuple(sorted({job for job in jobs if job})), arrays)
    return arrays


def _measure(tree: _Tree, class_of: ClassOf) -> None:
    """Note the classes of a tree and of everything below it; equal children come in one order."""
    for child in tree.children:
        _measure(child, class_of)
    tree.children.sort(key=lambda child: child.shape)
    tree.shape = (class_of(tree.step), tuple(child.shape for child in tree.children))


def _alike(roots: Sequence[_Tree]) -> Iterator[list[_Tree]]:
    """Trees of the same shape and kind of step; those that wait for a running job apart."""
    groups: dict[tuple[Shape, str, bool], list[_Tree]] = {}
    for root in roots:
        kind = root.step.name.partition("/")[0]
        groups.setdefault((root.shape, kind, root.step.parent is not None), []).append(root)
    yield from groups.values()


def _add(
    trees: Sequence[_Tree], parent: int | None, running: tuple[str, ...], arrays: list[Array]
) -> None:
    number = len(arrays)
    steps = tuple(tree.step for tree in trees)
    arrays.append(Array(number, trees[0].shape[0], steps, parent, running))
    for child in range(len(trees[0].children)):
        _add([tree.children[child] for tree in trees], number, (), arrays)
