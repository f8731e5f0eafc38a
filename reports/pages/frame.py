"""The frame of every page: its file, its title, and the way to all others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MENU = (
    ("index.html", "Overview"),
    ("tables.html", "Tables"),
    ("statistics.html", "Statistics"),
    ("figures.html", "Figures"),
    ("methods.html", "Methods"),
    ("clips.html", "Clips"),
    ("datasets.html", "Datasets"),
    ("runs.html", "Runs"),
    ("not-run.html", "Not run"),
    ("reading.html", "Reading the paper"),
)
"""File and name of the pages that every page links to."""


@dataclass(frozen=True)
class SitePage:
    """One file of the site."""

    file: str
    title: str
    template: str
    parent: str  # the file in MENU that is marked as the place of the reader
    context: Mapping[str, Any] = field(default_factory=dict)
    dataset: str = ""  # of a page about one alone

    def generated(self, datasets: Sequence[str]) -> list[str]:
        """Those of the generated datasets that the page is about."""
        return [name for name in datasets if self.dataset in ("", name)]
