"""The pages of the repository, taken apart: blocks, quoted code, commands, links."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = (
    *("bench", "methods", "datasets", "reports", "slurm", "benchmarks", "examples"),
    *("tests", "docs"),
)
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(p for name in FOLDERS for p in (ROOT / name).rglob("*.md"))]
    if not path.is_relative_to(ROOT / "reports" / "tables")  # written by `dvc repro`
)


def text_of(page: str) -> str:
    """A page, by its path from the root."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, kind: str = "sh") -> list[str]:
    """The fenced blocks of one kind, in order."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)


def prose(page: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def quoted(page: str) -> list[str]:
    """List what stands between backticks in the prose."""
    return re.findall(r"`([^`\n]+)`", prose(page).replace("\\|", "|"))


def links(page: str) -> list[str]:
    """Targets of links and pictures that are no addresses of the web."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command of a shell's text, without comments."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        start = 0
        for end, word in enumerate([*words, "&&"]):
            if word in ("&&", "|", ";") and end > start:
                yield words[start:end]
            if word in ("&&", "|", ";"):
                start = end + 1


def anchors(page: str) -> set[str]:
    """List what links may name after # in a page, spelled as GitHub does."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading).strip().lower() for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}
