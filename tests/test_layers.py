"""How the house is built: imports run one way, rooms are small, names say what is inside."""

import ast
import subprocess
from pathlib import Path

import house
import pytest

ROOT = Path(__file__).parents[1]

MOST_LINES_OF_A_FUNCTION = 60
# out-of-tree methods and pages import these by their short names
SPEAKING_FACES = {"bench", "bench/metrics", "reports/player", "methods/layers/speech", "methods"}


def everything() -> list[Path]:
    """Python files of the house and of its tests."""
    return house.sources(ROOT, *house.PACKAGES, "datasets", "tests")


def test_arrows_between_rooms_are_written_in_the_table() -> None:
    wrong = [
        f"{room} imports {other}"
        for room, other in sorted(house.arrows(ROOT))
        if other not in house.MAY_IMPORT[room].split()
    ]
    assert wrong == []


def test_the_table_has_no_arrow_that_nobody_needs() -> None:
    there = house.arrows(ROOT)
    idle = {
        f"{room} -> {other}"
        for room, others in house.MAY_IMPORT.items()
        for other in others.split()
        if (room, other) not in there
    }
    assert idle == set()


def test_the_table_has_no_circle() -> None:
    assert house.circle({room: others.split() for room, others in house.MAY_IMPORT.items()}) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    around = house.circle(house.imports(ROOT))
    assert [house.module_of(ROOT, path) for path in around] == []


def test_no_folder_is_crowded() -> None:
    crowded = {name: n for name, n in house.folders(ROOT).items() if n > house.MOST_FILES}
    assert crowded == {}


def test_nothing_imports_a_composition_root() -> None:
    graph = house.imports(ROOT)
    roots = {
        path
        for path in graph
        if path.relative_to(ROOT).as_posix().startswith(house.COMPOSITION_ROOTS)
    }
    importers = {path for path, others in graph.items() if others & roots}
    assert importers <= roots


def test_datasets_import_bench_alone() -> None:
    others = ("methods.", "reports.", "slurm.", "benchmarks.", "tests.")
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in house.sources(ROOT, "datasets")
        for module in house.imported(house.tree_of(path))
        if f"{module}.".startswith(others)
    ]
    assert wrong == []


def test_methods_share_layers_and_nothing_else() -> None:
    """A method that imported another could not be read, changed or removed alone."""
    names = {path.parent.name for path in (ROOT / "methods").glob("*/__init__.py")} - {"layers"}
    assert {"template", "mean", "ridge", "faceformer", "gldi"} <= names
    wrong = []
    for path in house.sources(ROOT, "methods"):
        own = path.relative_to(ROOT / "methods").parts[0]
        for module in house.imported(house.tree_of(path)):
            parts = module.split(".")
            if parts[0] == "methods" and len(parts) > 1 and parts[1] not in (own, "layers"):
                wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert wrong == []


def test_faces_say_what_a_room_is_and_import_nothing() -> None:
    wrong = []
    for path in house.sources(ROOT, *house.PACKAGES):
        room = path.parent.relative_to(ROOT).as_posix()
        is_method = room.startswith("methods/") and "layers" not in room
        if path.name == "__init__.py" and room not in SPEAKING_FACES and not is_method:
            tree = house.tree_of(path)
            docstring = ast.get_docstring(tree)
            if len(tree.body) != 1 or docstring is None or len(docstring.splitlines()) > 5:
                wrong.append(room)
    assert wrong == []


def test_every_import_is_written_in_full() -> None:
    relative = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in everything()
        for node in ast.walk(house.tree_of(path))
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
    found = [path for path in everything() if path.stem in drawers]
    assert found == []


def test_no_function_is_long() -> None:
    functions = {
        f"{path.relative_to(ROOT)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in everything()
        for node in ast.walk(house.tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    long = {name: n for name, n in functions.items() if n > MOST_LINES_OF_A_FUNCTION}
    assert long == {}


def test_annotations_are_never_postponed() -> None:
    """Postponed ones are strings, which neither the shape checks nor pydantic should depend on."""
    found = [
        path
        for path in house.sources(ROOT, *house.PACKAGES, "datasets")
        if "__future__" in set(house.imported(house.tree_of(path)))
    ]
    assert found == []


@pytest.fixture
def small_house(tmp_path: Path) -> Path:
    """Two rooms of bench, with a face each."""
    for room in ("common", "metrics"):
        folder = tmp_path / "bench" / room
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
    (tmp_path / "bench" / "metrics" / "lip.py").write_text(
        "def f():\n    from bench.common import files\n"
    )
    (tmp_path / "bench" / "common" / "files.py").write_text("")
    return tmp_path


def test_an_arrow_inside_a_function_is_seen(small_house: Path) -> None:
    assert dict(house.arrows(small_house)) == {("bench/metrics", "bench/common"): 1}


def test_a_circle_is_seen(small_house: Path) -> None:
    (small_house / "bench" / "common" / "files.py").write_text("from bench.metrics.lip import f\n")
    around = {
        house.module_of(small_house, path) for path in house.circle(house.imports(small_house))
    }
    assert around == {"bench.common.files", "bench.metrics.lip"}


def test_an_import_for_types_alone_is_no_arrow(small_house: Path) -> None:
    text = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bench.metrics import lip\n"
    )
    (small_house / "bench" / "common" / "files.py").write_text(text)
    assert house.circle(house.imports(small_house)) == []


def test_no_link_of_the_repository_leads_out_of_it() -> None:
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-s"], capture_output=True, text=True)
    links = [line.split("\t")[1] for line in listed.stdout.splitlines() if line[:6] == "120000"]
    assert [link for link in links if ROOT not in (ROOT / link).resolve().parents] == []
