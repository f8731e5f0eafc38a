"""What a step's code says: which edits make it new, and for whom."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from bench.common import fingerprint as module
from bench.common.fingerprint import changed_modules, fingerprint, normalised
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
    "methods/b.py": (
        "from methods.layers.mesh import spirals\n\ndef b():\n    import bench.late as l\n"
    ),
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
    "another name for an import": ("methods/a/model.py", "as q\nnet = q", "as p\nnet = p", {"a"}),
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


def keys(*roots):
    """What a key is made of: the code of a closure, without the names of its modules."""
    return set(fingerprint(roots).values())


def move(house, old, new):
    """Move a module of the small house, and say so to whoever imports it."""
    path, new_path = (house.joinpath(*name.split(".")).with_suffix(".py") for name in (old, new))
    new_path.parent.mkdir(exist_ok=True)
    path.rename(new_path)
    (room, name), (new_room, new_name) = (each.rsplit(".", 1) for each in (old, new))
    for file in house.rglob("*.py"):
        text = file.read_text().replace(old, new)
        file.write_text(
            text.replace(f"from {room} import {name}", f"from {new_room} import {new_name}")
        )


MOVES = {
    "a renamed file": ("methods.layers.quantizer", "methods.layers.codes"),
    "a moved file": ("methods.layers.quantizer", "methods.a.quantizer"),
    "a file in another package": ("methods.layers.quantizer", "bench.quantizer"),
    "a file that is imported whole, by another name": ("bench.late", "bench.rooms.later"),
}


@pytest.mark.parametrize("what", MOVES)
def test_a_move_is_new_for_nobody(what, house):
    old, new = MOVES[what]
    edit(house / "bench/loop.py", "from bench import late", "from bench import late as l")
    before = {m: keys(f"methods.{m}") for m in "ab"}
    named = fingerprint(["methods.a"])
    move(house, old, new)
    assert {m: keys(f"methods.{m}") for m in "ab"} == before
    moved = fingerprint(["methods.a"])
    assert old in named and new in moved and old not in moved
    assert changed_modules(moved, named) == []


def test_a_method_may_move_with_all_its_files(house):
    before = keys("methods.a")
    (house / "methods" / "a").rename(house / "methods" / "c")
    edit(house / "methods/c/__init__.py", "methods.a.model", "methods.c.model")
    assert keys("methods.c") == before


def test_a_module_imported_whole_keeps_its_name_because_the_code_says_it(house):
    (house / "methods/b.py").write_text(
        "from methods.layers import quantizer\nquantizer.quantise\n"
    )
    before = keys("methods.b")
    move(house, "methods.layers.quantizer", "methods.layers.codes")
    edit(house / "methods/b.py", "quantizer.quantise", "codes.quantise")
    assert keys("methods.b") != before


def test_the_order_of_imports_which_a_move_changes_is_no_part_of_it(house):
    lines = ["import abc", "from bench.late import WAIT", "from methods.layers.quantizer import *"]
    (house / "methods/b.py").write_text("\n".join(lines))
    before = keys("methods.b")
    (house / "methods/b.py").write_text("\n".join([lines[0], lines[2], lines[1]]))
    assert keys("methods.b") == before
    (house / "methods/b.py").write_text("\n".join([*lines[1:], lines[0]]))
    assert keys("methods.b") == before
    (house / "methods/b.py").write_text("\n".join([*lines[:2], "WAIT = 5", lines[2]]))
    assert keys("methods.b") != before


def test_the_same_name_from_another_module_is_a_change(house):
    """Both modules are in the closure before and after: their own code tells nothing."""
    for module_name, value in (("plain", 1), ("fast", 2)):
        (house / f"methods/layers/{module_name}.py").write_text(f"def net():\n    return {value}\n")
    (house / "methods/b.py").write_text(
        "from methods.layers.fast import net as a\nfrom methods.layers.plain import net as b\n"
    )
    before = fingerprint(["methods.b"])
    (house / "methods/b.py").write_text(
        "from methods.layers.fast import net as b\nfrom methods.layers.plain import net as a\n"
    )
    after = fingerprint(["methods.b"])
    assert before.keys() == after.keys() and set(before.values()) != set(after.values())
    assert changed_modules(after, before) == ["methods.b"]


def test_what_was_edited_is_named_and_who_imports_it_is_not(house):
    before = fingerprint(["methods.a"])
    edit(house / "methods/layers/quantizer.py", "return x", "return -x")
    assert changed_modules(fingerprint(["methods.a"]), before) == ["methods.layers.quantizer"]
    move(house, "methods.layers.quantizer", "methods.layers.codes")
    both = [
        "methods.layers.codes",
        "methods.layers.quantizer",
    ]  # moved and edited: its old name too
    assert changed_modules(fingerprint(["methods.a"]), before) == both


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
    move(house, "mine.deep.loss", "mine.deep.errors")
    edit(house / "mine/deep/net.py", "from .loss", "from .errors")
    (house / "mine").rename(house / "ours")
    assert keys("ours") == set(found.values())


def test_a_root_without_source_is_refused(house):
    with pytest.raises(ValueError, match="There is no module 'methods.nothing'; is it installed?"):
        fingerprint(["methods.nothing"])


@pytest.fixture
def sources(tmp_path):
    """A copy of the repository's own packages."""
    root = tmp_path / "sources"
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


# what reads users' files, hears and shows: a training must not hang on any of it
STRANGERS = (
    *("bench.media.audio", "bench.media.resampling", "bench.media.torchaudio_backend"),
    *("bench.media.meshes", "bench.media.animations", "bench.common.terminal"),
    *("bench.common.environment", "bench.common.project", "bench.dataset.pickles"),
    *("bench.dataset.card", "bench.dataset.masks", "bench.prepare.", "bench.cli."),
)


def trainings(loop="bench.training.loop"):
    """The fingerprint in the training key of every method."""
    roots = {name: reference.partition(":")[0] for name, reference in METHODS.items()}
    return {name: fingerprint([root, loop]) for name, root in roots.items()}


def values(fingerprints):
    return {name: set(found.values()) for name, found in fingerprints.items()}


def test_no_training_hangs_on_readers_of_files_sound_libraries_or_the_terminal():
    for closure in trainings().values():
        assert [m for m in closure if f"{m}.".startswith(STRANGERS)] == []


def test_editing_readers_sound_libraries_and_the_terminal_retrains_nothing(sources, monkeypatch):
    redirect(monkeypatch, sources)
    before, edited = values(trainings()), []
    for path in sorted((sources / "bench").rglob("*.py")):
        name = ".".join(path.relative_to(sources).with_suffix("").parts)
        if f"{name}.".startswith(STRANGERS) and "def " in path.read_text():
            change_first_function(path)
            edited.append(name)
    assert {name.rsplit(".", 1)[0] for name in edited} >= {"bench.cli", "bench.prepare"}
    assert {name for name in STRANGERS if not name.endswith(".")} <= set(edited)
    assert values(trainings()) == before
    change_first_function(sources / "bench/training/loop.py")
    after = values(trainings())
    assert all(after[name] != before[name] for name in METHODS)


def test_renaming_any_file_of_a_training_retrains_nothing(sources, monkeypatch):
    """It would, if one of our modules were imported whole: say ``from module import name``."""
    redirect(monkeypatch, sources)
    before = values(trainings())
    texts = {path: path.read_text() for path in sources.rglob("*.py")}
    files = {m: module.source_file(m) for closure in trainings().values() for m in closure}
    files = {m: path for m, path in files.items() if path.name != "__init__.py"}
    assert len(files) > 50
    for name, path in files.items():
        texts = {
            p: re.sub(rf"\b{re.escape(name)}\b(?!\.)", f"{name}_x", t) for p, t in texts.items()
        }
        path.rename(path.with_name(f"{path.stem}_x.py"))
        texts[path.with_name(f"{path.stem}_x.py")] = texts.pop(path)
    for path, text in texts.items():
        path.write_text(text)
    after = trainings("bench.training.loop_x")
    assert values(after) == before
    assert "bench.data_x" in after["gldi"] and "bench.data" not in after["gldi"]


def test_editing_a_part_retrains_exactly_the_methods_that_import_it(sources, monkeypatch):
    redirect(monkeypatch, sources)
    before = trainings()
    parts = {m for closure in before.values() for m in closure if m.startswith("methods.")}
    parts = sorted(parts & {f"methods.{m}" for m in ("faceformer", "gldi", "layers.quantizer")})
    assert len(parts) == 3
    for part in [*parts, "bench.training.loop"]:
        importers = {name for name, closure in before.items() if part in closure}
        change_first_function(module.source_file(part))
        after = trainings()
        assert {name for name in before if before[name] != after[name]} == importers, part
        before = after
    assert importers == set(METHODS)
