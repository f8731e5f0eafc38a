"""Every file, folder and test of the repository that a page names in backticks is there."""

import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# files of other people's repositories, and what users bring or commands write
ELSEWHERE = {
    *("main/cal_metric.py", "evaluation/compute_objective_metrics.py"),
    "data/multiface/convert_topolgy.py",
}
LATER = {"README.md", "reports/study/README.md"}  # pages that are being rewritten
FOLDERS = ("bench", "benchmarks", "datasets", "docs", "examples", "methods", "reports", "slurm")


def tracked(*patterns: str) -> list[str]:
    """Files that git tracks, or would."""
    listing = ("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard")
    found = subprocess.run([*listing, "--", *patterns], capture_output=True, text=True, check=True)
    return [name for name in found.stdout.splitlines() if (ROOT / name).exists()]


PAGES = sorted(set(tracked("*.md")) - LATER)
TESTS = {
    name
    for path in tracked("tests/*.py")
    for name in re.findall(r"^def (test_\w+)", (ROOT / path).read_text("utf-8"), re.MULTILINE)
}


def in_backticks(text: str) -> list[str]:
    """Words in backticks outside of blocks of code, without a line's number behind a file's name.

    A word with a placeholder (``<name>``, NAME, *) is no path.
    """
    outside = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    words = re.findall(r"`([^`\s]+)`", outside)
    plain = [re.sub(r":\d+(-\d+)?$", "", word) for word in words]
    return [word for word in plain if not re.search(r"[<>*{}$()=]|[A-Z]{4}\b", word)]


def looks_like_a_path(word: str) -> bool:
    """A Python file anywhere, or anything in a folder of the repository that git keeps."""
    inside = word.startswith(tuple(f"{folder}/" for folder in (*FOLDERS, "tests", "..")))
    if not (inside or word.endswith(".py")) or word in ELSEWHERE:
        return False
    return subprocess.run(["git", "-C", ROOT, "check-ignore", "-q", word]).returncode != 0


def missing(page: Path) -> list[str]:
    """Paths and tests that a page names and nobody has."""
    words = in_backticks(page.read_text("utf-8"))
    paths = [
        word
        for word in filter(looks_like_a_path, words)
        if not (ROOT / word).exists() and not (page.parent / word).exists()
    ]
    # a name may be shortened: test_eq_5_motion_is_...
    names = [w for w in words if re.fullmatch(r"(test_|\.\.\._)[\w.]+", w) and ".py" not in w]
    return paths + [n for n in names if not any(fnmatch(t, n.replace("...", "*")) for t in TESTS)]


@pytest.mark.parametrize("page", PAGES)
def test_everything_that_a_page_names_is_there(page: str) -> None:
    assert missing(ROOT / page) == []


def test_a_page_that_names_what_is_not_there_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "`bench/no.py`, `no.py`, `methods/none/`, `test_of_nothing_...` and `test_no_more`;\n"
        "`bench/config.py:12`, `methods/`, `test_a_page_...`, `datasets/<name>/` are no mistakes\n"
        "```\n`bench/no_more.py`\n```\n"
    )
    named = ["bench/no.py", "no.py", "methods/none/", "test_of_nothing_...", "test_no_more"]
    assert missing(page) == named
