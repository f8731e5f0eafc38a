"""The README's table of inference speed, written between two markers.

Units    seconds; GB of 10^9 bytes.
"""

from collections.abc import Sequence

from inference_rows import Row

HEAD = (
    "method, form",
    "seconds",
    "of that, speech encoder",
    "seconds of audio per second",
    "peak memory (GB)",
    "fast form is faster by",
    "the same without speech encoder",
)


def markdown(rows: Sequence[Row]) -> str:
    """What was measured in a sentence, a table, and what in it was scaled."""
    forms = [row for row in rows if row.sweep == "forms"]
    if not forms:
        raise ValueError("There is no measurement to put into a table")
    first = forms[0]
    where = f"{first.cpu}, one thread" if first.device == "cpu" else first.device
    notes = {row.note for row in forms if row.note}
    repeats = sorted({row.repeats for row in forms})
    lines = [
        f"One clip of {first.audio_seconds:g} s, {first.vertices} vertices, random "
        f"weights; {where}, torch {first.torch}, {first.date}; median of "
        f"{' or '.join(map(str, repeats))} (column `repeats` of the CSV).",
        "",
        f"| {' | '.join(HEAD)} |",
        f"|---|{'---:|' * (len(HEAD) - 1)}",
        *(f"| {' | '.join(_cells(row))} |" for row in forms),
    ]
    if notes:
        lines += ["", f"\\* {'; '.join(sorted(notes))}."]
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    return [
        f"{row.method}, {row.form}" + (" \\*" if row.note else ""),
        _number(row.seconds),
        _number(row.encoder_seconds),
        _number(row.real_time_factor),
        _number(None if row.peak_mb is None else row.peak_mb * 2**20 / 1e9),
        _number(row.speedup, " x"),
        _number(row.speedup_without_encoder, " x"),
    ]


def _number(value: float | None, unit: str = "") -> str:
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f}{unit}"
