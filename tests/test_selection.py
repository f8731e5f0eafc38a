"""`make check` runs the tests nearest to what changed, and `make test` starts the longest first."""

import subprocess
from pathlib import Path

import pytest
import selection

ROOT = Path(__file__).parents[1]
FILES = {
    "bench/__init__.py": "",
    "bench/common/__init__.py": "",
    "bench/common/files.py": "",
    "bench/training/__init__.py": "",
    "bench/training/loss.py": "from bench.common import files\n",
    "bench/training/loop.py": "from bench.training.loss import total\n",
    "methods/gldi/__init__.py": "",
    "methods/gldi/toy-mini.yaml": "",
    "datasets/toy/prepare.py": "",
    "README.md": "",
    "tests/conftest.py": "",
    "tests/helpers/shared.py": "",
    "tests/bench/conftest.py": "",
    "tests/bench/common/test_files.py": "import shared\n",
    "tests/bench/training/test_loss.py": "",
    "tests/bench/training/test_loss_terms.py": "",
    "tests/bench/training/test_loop.py": "from bench.training import loop\n",
    "tests/bench/training/test_sums.py": "from bench.training.loss import total\n",
    "tests/methods/test_gldi_parts.py": "import methods.gldi\n",
    "tests/methods/test_voca.py": "",
    "tests/datasets/test_toy.py": "import prepare\n",
    "tests/docs/test_pages.py": "PAGE = 'README.md'\n",
}
TRAINING = [
    "tests/bench/training/test_loss.py",
    "tests/bench/training/test_loss_terms.py",
    "tests/bench/training/test_sums.py",
    "tests/bench/training/test_loop.py",
]


@pytest.fixture
def house(tmp_path):
    """A small repository with packages and tests of them, all of it committed."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def git(root: Path, *arguments: str) -> None:
    name = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run(["git", "-C", root, *name, *arguments], check=True)


def chosen(house: Path, *changed: str) -> list[str]:
    return selection.choose(house, changed)[0]


def test_mirrors_come_first_then_what_imports_the_file_then_what_imports_that(house):
    assert chosen(house, "bench/training/loss.py") == TRAINING


def test_what_everything_imports_asks_for_all_that_do(house):
    found = chosen(house, "bench/common/files.py")
    assert found == ["tests/bench/common/test_files.py", *TRAINING[2:]]


@pytest.mark.parametrize(
    ("changed", "test"),
    [
        ("tests/methods/test_voca.py", "tests/methods/test_voca.py"),
        ("tests/helpers/shared.py", "tests/bench/common/test_files.py"),
        ("methods/gldi/toy-mini.yaml", "tests/methods/test_gldi_parts.py"),
        ("methods/gldi/deleted.py", "tests/methods/test_gldi_parts.py"),
        ("datasets/toy/prepare.py", "tests/datasets/test_toy.py"),
        ("README.md", "tests/docs/test_pages.py"),
    ],
)
def test_files_of_every_kind_have_their_tests(house, changed, test):
    assert chosen(house, changed) == [test]


def test_a_conftest_asks_for_the_tests_below_it(house):
    below = {path for path in FILES if path.startswith("tests/bench/") and "/test_" in path}
    assert set(chosen(house, "tests/bench/conftest.py")) == below


def test_what_there_is_no_time_for_is_told_and_mirrors_are_run_all_the_same(house):
    near, far = selection.choose(house, ["bench/training/loss.py"], budget=0)
    assert (near, far) == (TRAINING[:2], TRAINING[2:])


def test_changed_is_what_differs_and_what_is_new_or_else_the_last_commit(house):
    git(house, "commit", "-qm", "nothing", "--allow-empty")
    (house / "README.md").write_text("more")
    (house / "new.py").write_text("")
    assert selection.changed_files(house) == ["README.md", "new.py"]
    git(house, "add", "-A")
    git(house, "commit", "-qm", "second")
    assert selection.changed_files(house) == ["README.md", "new.py"]
    (house / "new.py").write_text("more")
    assert selection.changed_files(house) == ["new.py"]
    assert selection.changed_files(house, "HEAD~1") == ["README.md", "new.py"]


def test_files_whose_seconds_are_known_are_there():
    assert [path for path in selection.SECONDS if not (ROOT / path).exists()] == []


def test_parallel_workers_begin_with_the_longest_files(request):
    if not hasattr(request.config, "workerinput"):
        pytest.skip("in one process the order is that of the files")
    paths = [item.nodeid.partition("::")[0] for item in request.session.items]
    taken = [selection.seconds(path) for path in paths]
    assert taken == sorted(taken, reverse=True)
