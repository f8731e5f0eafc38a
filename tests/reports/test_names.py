"""Reports name no method: what they call one is in its folder, and comes with the results."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from bench.registry.facts import facts_of
from methods import METHODS

REPORTS = Path(__file__).parents[2] / "reports"
LABELS = [re.escape(facts_of(reference).label) for reference in METHODS.values()]
LABEL = re.compile(rf"\b({'|'.join(LABELS)})(?!\w)")
WORDS = {"mean", "template"}  # in other senses too: an average, a page's
Containers = ast.List | ast.Tuple | ast.Set | ast.Compare


def named(tree: ast.AST) -> Iterator[str]:
    """Strings that name a method; a WORD names one in a list and in a comparison only."""
    listed = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, Containers)
        for child in ast.iter_child_nodes(node)
    }
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(text := node.value, str):
            is_name = text in METHODS and (text not in WORDS or id(node) in listed)
            if is_name or (id(node) not in prose and LABEL.search(text)):
                yield f"line {node.lineno}: {text!r}"


def test_a_name_in_the_code_is_seen() -> None:
    assert list(named(ast.parse('"""Of gldi."""\nx = row == "gldi"'))) == ["line 2: 'gldi'"]
    assert list(named(ast.parse('x = ("template", "mean")'))) != []
    assert list(named(ast.parse('x = {"mean": 1.0}'))) == []
    assert list(named(ast.parse('x = f"minus {GLDiTalker}, FaceFormer"'))) != []


def test_reports_name_no_method() -> None:
    found = {
        f"{path.relative_to(REPORTS)}, {each}"
        for path in sorted(REPORTS.rglob("*.py"))
        for each in named(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set()
    built = REPORTS / "site"  # it shows results, so it names methods
    texts = [path for end in ("j2", "js", "css") for path in REPORTS.rglob(f"*.{end}")]
    texts = [path for path in texts if built not in path.parents]
    assert len(texts) > 20
    for path in texts:
        assert not LABEL.search(path.read_text(encoding="utf-8")), path
