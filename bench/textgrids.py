"""Phone times of a clip, from a TextGrid of Praat or of a forced aligner.

Units    seconds from the start of the clip.
"""

from pathlib import Path

TIERS = ("phones", "phone", "phonemes", "phoneme")
SILENCE = ("", "sil", "sp", "spn", "<eps>", "<p:>")


def read_phones(path: Path) -> list[tuple[str, float, float]]:
    """(symbol, start, end) of every phone; silence is left out.

    The tier called phones, else the last tier of intervals. Raises ValueError for a file that is no
    TextGrid or has no such tier.
    """
    from praatio import textgrid  # only users who have such files need it

    try:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    except Exception as error:  # its parser raises whatever it stumbles over
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} is not a readable TextGrid: {reason}") from error
    tiers = [tier for tier in grid.tiers if isinstance(tier, textgrid.IntervalTier)]
    if not tiers:
        raise ValueError(f"{path}: expected a tier of intervals (phones), got none")
    tier = next((tier for tier in tiers if tier.name.lower() in TIERS), tiers[-1])
    return [
        (each.label, float(each.start), float(each.end))
        for each in tier.entries
        if each.label.lower() not in SILENCE
    ]
