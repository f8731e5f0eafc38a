"""The README's table of estimated GPU hours.

Units    hours of one GPU for all seeds; 10^15 FLOPs of one seed.
"""

from collections.abc import Sequence

from benchmarks.training.hours import GPUS, PREDICT, UTILISATION, Hours
from benchmarks.training.report import number

HEAD = ("dataset, row", "steps", "training, PFLOP", "prediction, PFLOP", *(f"{n}, h" for n in GPUS))


def markdown(hours: Sequence[Hours]) -> str:
    """The assumptions in a sentence, and a line per row. Raises ValueError where there is none."""
    if not hours:
        raise ValueError("There is nothing to estimate")
    rows: dict[tuple[str, str], list[Hours]] = {}
    for entry in hours:
        rows.setdefault((entry.dataset, entry.row), []).append(entry)
    gpus = ", ".join(f"{name} {peak / 1e12:g} TFLOP/s" for name, peak in GPUS.items())
    lines = [
        f"**Estimated from counted FLOPs, never measured.** Assumed: float32 at {gpus}, of which "
        f"{UTILISATION:.0%} are used; {hours[0].seeds} seeds. Steps and PFLOP are those of one "
        "seed; rows of Tables 3 and 4 count only what they do not share.",
        "",
        f"| {' | '.join(HEAD)} |",
        f"|---|{'---:|' * (len(HEAD) - 1)}",
        *(_line(f"{dataset}, {row}", found) for (dataset, row), found in rows.items()),
        _line("**all**", hours),
    ]
    return "\n".join(lines)


def _line(name: str, entries: Sequence[Hours]) -> str:
    trained = [entry for entry in entries if entry.stage != PREDICT]
    predicted = [entry for entry in entries if entry.stage == PREDICT]
    cells = [
        str(sum(entry.steps for entry in trained)),
        number(_petaflops(trained)),
        number(_petaflops(predicted)),
        number(sum(entry.v100_hours for entry in entries)),
        number(sum(entry.a100_hours for entry in entries)),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _petaflops(entries: Sequence[Hours]) -> float:
    return sum(entry.steps * entry.teraflops for entry in entries) / 1e3
