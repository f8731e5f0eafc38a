"""The answer of the first screen."""

from reports.comparisons import headline
from reports.inputs import Dataset


def lead_sentences(dataset: Dataset) -> tuple[str, tuple[str, ...], str]:
    """The answer, its details and its caveat; computed, never written by hand."""
    found = headline(dataset)
    if found is None:
        return "", ("Fewer than two rows have scores that can be compared.",), ""
    return found.answer, found.details, found.caveat
