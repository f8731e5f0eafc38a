"""Parts of the report that stand in their own rooms; a page says so where one is not there."""

from pathlib import Path

from reports.grid import Grid
from reports.inputs import Dataset


def lead_sentences(dataset: Dataset) -> tuple[str, str]:
    """The answer of the first screen and its caveat; computed, never written by hand."""
    try:
        from reports.comparisons import headline
    except ModuleNotFoundError:
        return "", "This report was built without the statistics of comparisons."
    found = headline(dataset)
    if found is None:
        return "", "Fewer than two rows have scores that can be compared."
    return found.answer, found.caveat


def comparison_tables(dataset: Dataset) -> list[Grid]:
    """Rows against the reference and against the best, and ranks."""
    try:
        from reports.comparisons import comparison_grids
    except ModuleNotFoundError:
        return []
    return comparison_grids(dataset)


def study_table(results: Path) -> Grid | None:
    """Table 2, which says when no answers were collected."""
    try:
        from reports.study.table2 import table2
    except ModuleNotFoundError:
        return None
    return table2(results)
