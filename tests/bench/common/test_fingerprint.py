"""What a step's code says: which edits make it new, and for whom."""

import ast
import shutil
from pathlib import Path

import pytest

from bench.common import fingerprint as module
from bench.common.fingerprint import fingerprint, normalised
from methods import METHODS

ROOT = Path(__file__).parents[3]


def redirect(monkeypatch, root):
    """Make fingerprints read their sources under ``root``."""

    def source_file(name):
        path = root.joinpath(*name.split("."))
        found = [p for p in (path / "__init__.py", path.with_suffix(".py")) if p.exists()]
        return found[0] if found else None

    monkeypatch.setattr(module, "source_file", source_file)


HOUSE = {
    "methods/__init__.py": "METHODS = {'a': 'methods.a:A'}\n",
    "methods/a/__init__.py": "import numpy\nfrom methods.a.model import net\nimport bench.loop\n",
    "methods/a/model.py": "from methods.layers.quantizer import quantise as q\nnet = q\n",
    "methods/b.py": "from methods.layers.mesh import spirals\n\ndef b():\n    import bench.late as l\n",
    "methods/layers/__init__.py": "",
    "methods/layers/mesh/__init__.py": "",
    "methods/layers/quantizer.py": 'def quantise(x):\n    """Nearest code."""\n    return x\n',
    "methods/layers/mesh/spirals.py": "import torch.nn\nRADIUS = 2\n",
    "bench/__init__.py": "",
    "bench/loop.py": "from bench import late\nSTEPS = 3\n",
    "bench/late.py": "from reports import page\nWAIT = 1\n",
    "reports/__init__.py": "",
    "reports/pages/sections.py": "",
}


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A small tree of packages with one chain of imports and one import inside a function."""
    for name, text in HOUSE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    redirect(monkeypatch, tmp_path)
    return tmp_path


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_closure_follows_imports_through_our_packages_alone(house):
    assert list(fingerprint(["methods.a"])) == [
        "bench.late",
        "bench.loop",
        "methods.a",
        "methods.a.model",
        "methods.layers.quantizer",
    ]


def test_an_import_inside_a_function_counts(house):
    assert list(fingerprint(["methods.b"])) == [
        "bench.late",
        "methods.b",
        "methods.layers.mesh.spirals",
    ]


EDITS = {
    "a code change": ("methods/layers/quantizer.py", "return x", "return -x", {"a"}),
    "a default": ("methods/layers/quantizer.py", "quantise(x)", "quantise(x, n=2)", {"a"}),
    "a constant of the loop": ("bench/loop.py", "STEPS = 3", "STEPS = 4", {"a"}),
    "a constant of both": ("bench/late.py", "WAIT = 1", "WAIT = 2", {"a", "b"}),
    "an import of another name": ("methods/b.py", "import spirals", "import quantizer", {"b"}),
    "a docstring": ("methods/layers/quantizer.py", "Nearest code", "The nearest", set()),
    "a new docstring": (
        "methods/layers/mesh/spirals.py",
        "import",
        '"""Spirals."""\nimport',
        set(),
    ),
    "a docstring under a constant": (
        "methods/layers/mesh/spirals.py",
        "RADIUS = 2\n",
        'RADIUS = 2\n"""Of the spiral."""\n',
        set(),
    ),
    "a comment": ("methods/layers/mesh/spirals.py", "RADIUS = 2", "RADIUS = 2  # rings", set()),
    "blank lines": ("methods/layers/mesh/spirals.py", "RADIUS", "\n\n\nRADIUS", set()),
    "brackets that change nothing": ("bench/loop.py", "STEPS = 3", "STEPS = (3)", set()),
    "a line of the registry": ("methods/__init__.py", "{", "{'c': 'methods.c:C', ", set()),
    "a package outside the harness": ("reports/pages/sections.py", "", "PAGES = 1\n", set()),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_new_for_exactly_those_who_import_it(name, house):
    path, old, new, expected = EDITS[name]
    before = {m: fingerprint([f"methods.{m}"]) for m in "ab"}
    edit(house / path, old, new)
    after = {m: fingerprint([f"methods.{m}"]) for m in "ab"}
    assert {m for m in "ab" if before[m] != after[m]} == expected


def test_normalised_source_is_still_the_program():
    source = 'def f(x):\n    """Only words."""\n\n\nclass C:\n    "words"\n    y = "kept"\n'
    assert normalised(source) == "def f(x):\n    pass\n\nclass C:\n    y = 'kept'"


def test_packages_elsewhere_may_import_relatively(house):
    files = {
        "mine/__init__.py": "from . import shapes\nfrom .deep.net import N\n",
        "mine/shapes.py": "SIDES = 3\n",
        "mine/deep/__init__.py": "",
        "mine/deep/net.py": "from ..shapes import SIDES\nfrom .loss import error\nN = 1\n",
        "mine/deep/loss.py": "from bench.loop import STEPS\nerror = 0\n",
    }
    for name, text in files.items():
        (house / name).parent.mkdir(parents=True, exist_ok=True)
        (house / name).write_text(text)
    found = fingerprint(["mine"])
    assert list(found) == [
        *("bench.late", "bench.loop", "mine", "mine.deep.loss", "mine.deep.net", "mine.shapes")
    ]


def test_a_root_without_source_is_refused(house):
    with pytest.raises(ValueError, match="There is no module 'methods.nothing'; is it installed?"):
        fingerprint(["methods.nothing"])


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of the repository's own packages."""
    root = tmp_path_factory.mktemp("sources")
    for package in ("bench", "methods"):
        shutil.copytree(
            ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__", "*.yaml")
        )
    return root


def change_first_function(path):
    """Add a statement to the first function of a file."""
    lines = path.read_text().splitlines()
    tree = ast.parse(path.read_text())
    first = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))
    lines.insert(first.body[-1].lineno - 1, " " * first.body[-1].col_offset + "changed = 1")
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "package", ["bench.training.loop", "bench.evaluation.predict", *sorted(METHODS.values())]
)
def test_nothing_that_trains_or_predicts_depends_on_a_metric(package):
    found = fingerprint(
        [package.partition(":")[0], "bench.training.loop", "bench.evaluation.predict"]
    )
    later = {
        "bench.metrics",
        "bench.evaluation.evaluate",
        "bench.results",
        "bench.collect.results",
        "bench.pipeline.pool",
    }
    assert not {m for m in found if m in later or m.startswith("bench.metrics.")}


def test_scores_depend_on_every_metric_and_on_no_method():
    found = fingerprint(["bench.evaluation.evaluate"])
    metrics = {f"bench.metrics.{p.stem}" for p in (ROOT / "bench" / "metrics").glob("[a-z]*.py")}
    assert metrics <= found.keys() and "bench.metrics" in found
    assert not {m for m in found if m.startswith("methods") or m == "bench.training.loop"}


def test_editing_a_part_retrains_exactly_the_methods_that_import_it(sources, monkeypatch):
    redirect(monkeypatch, sources)
    roots = {name: reference.partition(":")[0] for name, reference in METHODS.items()}

    def keys():
        return {name: fingerprint([root, "bench.training.loop"]) for name, root in roots.items()}

    before = keys()
    parts = {m for closure in before.values() for m in closure if m.startswith("methods.")}
    parts = sorted(parts & {f"methods.{m}" for m in ("faceformer", "gldi", "layers.quantizer")})
    assert len(parts) == 3
    for part in [*parts, "bench.training.loop"]:
        importers = {name for name, closure in before.items() if part in closure}
        change_first_function(module.source_file(part))
        after = keys()
        assert {name for name in before if before[name] != after[name]} == importers, part
        before = after
    assert importers == set(METHODS)
