"""The page docs/add-a-method.md, followed word by word in a copy of the repository.

The copy runs the smoke profile with one method, no ablation and few clips, so that a command takes
seconds; nothing else in it differs. `pip install` is sent to a folder of the test's own by the
environment.
"""

import re
import shutil

import pytest
from page_text import blocks
from repository import Copy

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("dvc") is None, reason="dvc is not installed"),
]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory):
    """A clone with one method and prepared data, and where its shell installs packages."""
    folder = tmp_path_factory.mktemp("readme")
    newcomer = Copy(folder, methods=["mean"], ablations=[])
    newcomer.installed = folder / "site-packages"
    # packages of the clone, without its folder datasets/, and then what is installed
    newcomer.environment |= {
        "PYTHONPATH": f"{newcomer.environment['PYTHONPATH']}:{newcomer.installed}",
        "PIP_TARGET": str(newcomer.installed),
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "COLUMNS": "120",
    }
    newcomer.type("dvc repro -q data")
    return newcomer


@pytest.fixture(scope="module")
def section():
    found = blocks("docs/add-a-method.md")
    assert len(found) == 3, "the page has other blocks: adapt this test"
    return found


def test_a_copied_folder_and_one_line_are_a_method_that_passes_and_has_scores(newcomer, section):
    printed = newcomer.type(section[0])
    assert " 0 failed" in printed
    assert re.search(r"\bmine on\s+synthetic", printed)
    assert re.search(r"│ lve +│ m\^2 +│ +\d", printed)
    assert (newcomer.root / "check-mine.md").exists()
    assert not list((newcomer.root / "methods" / "mine").glob("*.bak"))
    assert "method mean" not in (newcomer.root / "methods/mine/synthetic-mini.yaml").read_text()


def test_one_line_of_params_puts_it_into_the_tables_and_the_page(newcomer, section):
    newcomer.type(section[1])
    tables = newcomer.root / "reports" / "tables"
    assert any("| mine" in path.read_text() for path in tables.rglob("*.md"))
    assert "mine" in (newcomer.root / "reports" / "site" / "index.html").read_text()


def test_an_installed_package_is_a_method_that_passes_and_has_scores(newcomer, section):
    printed = newcomer.type(section[2])
    assert re.search(r"^own +A causal GRU", printed, flags=re.MULTILINE)
    assert " 0 failed" in printed
    assert re.search(r"\bown on\s+synthetic", printed)
    assert re.search(r"│ lve +│ m\^2 +│ +\d", printed)
    assert (newcomer.installed / "own_method" / "__init__.py").exists()
    assert "deterministic: true" in (newcomer.root / "check-own.md").read_text().lower()
