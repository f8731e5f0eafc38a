"""How the house is built: imports run one way, files and functions are small."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT: dict[str, set[str]] = {
    "bench": set(),
    "methods": {"bench"},
    "reports": {"bench"},
    "slurm": {"bench"},
    "datasets": {"bench"},
    "benchmarks": {"bench", "methods", "reports", "slurm"},
}
# they wire everything; nothing but each other imports them
COMPOSITION_ROOTS = {ROOT / "bench" / name for name in ("cli.py", "cli_weights.py", "run.py")} | {
    ROOT / "slurm" / name
    for name in ("cli.py", "submit.py", "status.py", "cancel.py", "retry.py", "logs.py")
}
MOST_LINES = 300  # of a file
MOST_LINES_OF_A_FUNCTION = 60


def sources(*packages: str) -> list[Path]:
    """Python files of packages, in order."""
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def tree_of(path: Path) -> ast.Module:
    """A file, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"))


def modules(path: Path) -> Iterator[str]:
    """What a file imports, in full; ``from a import b`` is both a and a.b."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def problems_of_imports(package: str) -> Iterator[str]:
    """Imports against the direction, written as lines."""
    forbidden = MAY_IMPORT.keys() - MAY_IMPORT[package] - {package} | {"tests"}
    for path in sources(package):
        if path not in COMPOSITION_ROOTS:
            for module in sorted(set(modules(path))):
                if module.partition(".")[0] in forbidden:
                    yield f"{path.relative_to(ROOT)} imports {module}"


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_run_one_way(package: str) -> None:
    assert list(problems_of_imports(package)) == []


def test_methods_share_layers_and_nothing_else() -> None:
    """A method that imported another could not be read, changed or removed alone."""
    names = {path.parent.name for path in (ROOT / "methods").glob("*/__init__.py")} - {"layers"}
    assert {"template", "mean", "ridge", "faceformer", "gldi"} <= names
    wrong = []
    for path in sources("methods"):
        own = path.relative_to(ROOT / "methods").parts[0]
        for module in modules(path):
            parts = module.split(".")
            if parts[0] == "methods" and len(parts) > 1 and parts[1] not in (own, "layers"):
                wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert wrong == []


def test_nothing_imports_a_composition_root() -> None:
    roots = {f"bench.{path.stem}" for path in COMPOSITION_ROOTS}
    importers = {path for path in sources(*MAY_IMPORT) if roots & set(modules(path))}
    assert importers <= COMPOSITION_ROOTS


def test_every_import_is_written_in_full() -> None:
    relative = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources(*MAY_IMPORT, "tests")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert relative == []


def test_datasets_is_a_folder_and_not_a_package() -> None:
    """A package of that name would shadow Hugging Face's datasets for every library we import."""
    assert (ROOT / "datasets").is_dir()
    assert not list((ROOT / "datasets").rglob("__init__.py"))


def test_tests_are_no_packages() -> None:
    """They are imported by file, so two may have one name."""
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "misc", "common", "base"}
    found = [path for path in sources(*MAY_IMPORT, "tests") if path.stem in drawers]
    assert found == []


def test_no_file_is_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources(*MAY_IMPORT, "tests")
    }
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_function_is_long() -> None:
    functions = {
        f"{path.relative_to(ROOT)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in sources(*MAY_IMPORT, "tests")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    long = {name: n for name, n in functions.items() if n > MOST_LINES_OF_A_FUNCTION}
    assert long == {}


def test_annotations_are_never_postponed() -> None:
    """Postponed ones are strings, which neither the shape checks nor pydantic should depend on."""
    found = [path for path in sources(*MAY_IMPORT) if "__future__" in set(modules(path))]
    assert found == []


def test_the_layer_test_sees_an_import_against_the_direction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "loop.py").write_text("def f():\n    from methods.gldi import G\n")
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert list(problems_of_imports("bench")) == [
        "bench/loop.py imports methods.gldi",
        "bench/loop.py imports methods.gldi.G",
    ]


def test_no_link_of_the_repository_leads_out_of_it() -> None:
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-s"], capture_output=True, text=True)
    links = [line.split("\t")[1] for line in listed.stdout.splitlines() if line[:6] == "120000"]
    assert [link for link in links if ROOT not in (ROOT / link).resolve().parents] == []
