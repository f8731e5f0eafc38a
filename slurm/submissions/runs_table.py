"""What people see: the table of runs, and the plan of a dry run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from slurm.submissions.standing import Seen

COLOURS = {
    "done": "green",
    "running": "cyan",
    "queued": "blue",
    "failed": "red",
    "lost": "red",
    "cancelled": "yellow",
    "skipped": "yellow",
    "held back": "yellow",
}
MOST_ROWS = 60


def runs_table(seen: Iterable[Seen]) -> Table:
    """A row per run: where it stands, which is at its first step that is not done."""
    runs: dict[str, list[Seen]] = {}
    for each in seen:
        runs.setdefault(each.run, []).append(each)
    table = Table(title=_counts(runs), title_justify="left")
    for name in ("run", "step", "job", "state", "why"):
        table.add_column(name, overflow="fold")
    rows = sorted(map(_current, runs.values()), key=lambda row: row.state == "done")
    for row in rows[:MOST_ROWS]:
        style = COLOURS[row.state]
        why = row.reason if row.state != "done" else ""
        table.add_row(row.run, row.task.step, row.task.job or "-", row.state, why, style=style)
    if rows[MOST_ROWS:]:
        table.caption = f"and {len(rows) - MOST_ROWS} more"
    return table


def _current(steps: Sequence[Seen]) -> Seen:
    return next((each for each in steps if each.state != "done"), steps[-1])


def _counts(runs: Mapping[str, Sequence[Seen]]) -> str:
    counts = Counter(_current(steps).state for steps in runs.values())
    told = ", ".join(f"{n} {state}" for state, n in sorted(counts.items()))
    return f"{len(runs)} run{'' if len(runs) == 1 else 's'}: {told}" if runs else "nothing"
