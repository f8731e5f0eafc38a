"""Links, and paths of this repository that the README and the pages name, lead somewhere."""

import re
import shlex
from fnmatch import fnmatch

import pytest
from page_text import FOLDERS, PAGES, ROOT, anchors, blocks, links, quoted, text_of

PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./*-]*")
# written by commands, so not in a clone: the lines of .gitignore that name a path
WRITTEN = tuple(
    f"{line.strip('/')}/"
    for line in text_of(".gitignore").splitlines()
    if line and line[0] not in "#*"
)
OWN = re.compile(r"\bmine\b|NAME")  # what readers make


def lost(page: str) -> list[str]:
    """Links of a page that lead nowhere."""
    return [target for target in links(page) if not leads_somewhere(page, target)]


def leads_somewhere(page: str, target: str) -> bool:
    """Whether a link's file exists, and in it the heading after #."""
    name, _, heading = target.partition("#")
    path = (ROOT / page).parent / name if name else ROOT / page
    if not path.exists():
        return False
    return not heading or heading in anchors(path.resolve().relative_to(ROOT).as_posix())


def paths(page: str) -> set[str]:
    """Paths from the root that stand between backticks or in commands."""
    words = [word for code in quoted(page) for word in code.split()]
    words += [word for block in blocks(page) for word in shlex.split(block, comments=True)]
    found = {word for word in words if PATH.fullmatch(word) and not OWN.search(word)}
    return {path for path in found if not f"{path}/".startswith(WRITTEN)}


def exists(path: str) -> bool:
    """Whether a path, or a pattern of paths, is in the repository."""
    return any(ROOT.glob(path)) if "*" in path else (ROOT / path).exists()


TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
}


def lost_tests(words: list[str]) -> list[str]:
    """Tests that nobody has, by name; a name may be shortened: test_eq_5_motion_is_..."""
    names = [word for word in words if re.fullmatch(r"(test_|\.\.\._)[\w.]+", word)]
    names = [name for name in names if not name.endswith(".py")]
    return [name for name in names if not any(fnmatch(t, name.replace("...", "*")) for t in TESTS)]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    assert lost(page) == []


@pytest.mark.parametrize("page", PAGES)
def test_paths_exist(page: str) -> None:
    assert [path for path in sorted(paths(page)) if not exists(path)] == []


@pytest.mark.parametrize("page", PAGES)
def test_tests_exist(page: str) -> None:
    assert lost_tests(quoted(page)) == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    linked = {target.partition("#")[0] for target in links("README.md")}
    pages = {page for page in PAGES if page.startswith("docs/")}
    assert pages <= linked
    assert {"CONTRIBUTING.md", "LICENSE", "CITATION.cff"} <= linked


def test_lost_links_and_paths_are_found() -> None:
    assert not leads_somewhere("README.md", "docs/nowhere.md")
    assert not leads_somewhere("docs/install.md", "../README.md#nothing")
    assert leads_somewhere("docs/install.md", "../README.md#status")
    assert "bench/method.py" in paths("docs/add-a-method.md")
    assert "datasets/vocaset/" in paths("docs/real-data.md")
    assert "reports/tables/table3.md" not in paths("docs/ablations.md")
    assert not exists("bench/metrics.py") and not exists("methods/*/nothing.py")
    assert lost_tests(["test_lost_links_...", "test_nothing"]) == ["test_nothing"]
