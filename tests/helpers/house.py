"""How the house is built, measured from its imports: `python -m tests.helpers.house [ROOT]`.

Prints files per folder, circles, arrows between rooms, lines, and what a training key hangs on.
ROOT is another checkout, to see two states side by side. The rules are MAY_IMPORT and MOST_FILES;
tests/test_layers.py holds the house to them.
"""

import argparse
import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("bench", "methods", "reports", "slurm", "benchmarks")
MOST_FILES = 12  # Python files in a folder

# room -> the rooms that it may import. A room is a folder; "bench" and its like are the files that
# lie in the package's own folder. A folder of methods/ may import itself and what is named here.
MAY_IMPORT: dict[str, str] = {
    "bench/common": "",
    "bench": "bench/common",
    "bench/media": "bench/common",
    "bench/metrics": "bench/common",
    "bench/statistics": "",
    "bench/registry": "bench bench/common",
    "bench/training": "bench bench/common",
    "bench/dataset": "bench bench/common",
    "bench/prepare": "bench/common bench/dataset bench/media",
    "bench/animate": "bench bench/common bench/dataset",
    "bench/evaluation": "bench bench/common bench/dataset bench/media bench/metrics",
    "bench/pipeline": "bench bench/common bench/dataset bench/evaluation bench/media "
    "bench/registry bench/training",
    "bench/weights": "bench bench/common bench/dataset bench/pipeline bench/registry "
    "bench/training",
    "bench/collect": "bench bench/common bench/dataset bench/evaluation bench/metrics "
    "bench/pipeline bench/prepare bench/registry",
    "bench/checks": "bench bench/common bench/dataset bench/evaluation bench/pipeline "
    "bench/registry bench/training",
    "bench/verify": "bench/common",
    "methods/layers/speech": "bench bench/common bench/media bench/weights",
    "methods/layers/mesh": "bench/common",
    "methods/layers": "bench bench/common methods/layers/speech",
    "methods": "bench bench/common bench/media bench/weights methods/layers methods/layers/mesh "
    "methods/layers/speech",
    "reports/heads": "",
    "reports/text": "bench bench/common bench/dataset bench/metrics bench/registry",
    "reports/inputs": "bench bench/common reports/text",
    "reports/analysis": "bench bench/metrics bench/registry bench/statistics reports/inputs "
    "reports/text",
    "reports/charts": "bench bench/common bench/statistics reports/analysis reports/heads "
    "reports/inputs reports/text",
    "reports/tabular": "bench bench/metrics bench/statistics reports/analysis reports/inputs "
    "reports/text",
    "reports/player": "bench bench/common bench/dataset bench/evaluation reports/charts "
    "reports/heads reports/inputs reports/text",
    "reports/video": "bench/common bench/dataset bench/media reports/charts reports/heads "
    "reports/inputs reports/player reports/text",
    "reports/study": "bench bench/common bench/dataset bench/evaluation bench/media "
    "bench/statistics reports/analysis reports/heads reports/inputs reports/text reports/video",
    "reports/pages": "bench bench/common bench/dataset bench/metrics reports/analysis "
    "reports/charts reports/heads reports/inputs reports/player reports/study reports/tabular "
    "reports/text",
    "reports": "bench/common reports/charts reports/inputs reports/pages reports/study "
    "reports/tabular reports/text",
    "slurm/jobs": "bench/common bench/pipeline bench/training",
    "slurm/clusters": "bench/common bench/pipeline",
    "slurm/submissions": "bench/common bench/pipeline slurm/clusters",
    "slurm/submit": "bench/collect bench/common bench/pipeline bench/registry bench/weights "
    "slurm/clusters slurm/jobs slurm/submissions",
    "slurm": "bench/checks bench/common bench/pipeline bench/registry slurm/clusters "
    "slurm/submissions slurm/submit",
    "benchmarks": "bench bench/checks bench/common bench/dataset bench/media bench/pipeline "
    "bench/registry methods reports/charts reports/player slurm",
    "benchmarks/inference": "bench bench/common bench/evaluation benchmarks "
    "methods/layers/speech reports/charts",
    "benchmarks/training": "bench bench/common bench/training benchmarks methods "
    "methods/layers/mesh methods/layers/speech reports/charts",
}
# they wire everything, and may import every room; nothing but each other imports them
COMPOSITION_ROOTS = (
    *("bench/run.py", "bench/cli/", "slurm/cli.py", "slurm/__main__.py"),
    "slurm/submit/__main__.py",
)


def sources(root: Path, *folders: str) -> list[Path]:
    """Python files below folders of a checkout, in order."""
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


def module_of(root: Path, path: Path) -> str:
    """The dotted name of a file."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree_of(path: Path) -> ast.Module:
    """A file, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield what is imported at run time, in full; ``from a import b`` is both a and a.b."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield node.module
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from imported(node)


def imports(root: Path) -> dict[Path, set[Path]]:
    """File -> the files of the house that it imports; a package counts only if named itself."""
    files = {module_of(root, path): path for path in sources(root, *PACKAGES)}
    found: dict[Path, set[Path]] = {}
    for path in files.values():
        names, members = _import_lines(path, path.stat().st_mtime_ns)
        hits = {files[name] for name in names if name in files}
        for module, imported_from in members:  # from package import module: not the package's face
            whole = [f"{module}.{name}" in files for name in imported_from]
            if module in files and all(whole) and names.count(module) == 1:
                hits.discard(files[module])
        found[path] = hits - {path}
    return found


@cache
def _import_lines(path: Path, _changed: int) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """A file's imports at run time in full, and (module, names) of its ``from module import``."""
    tree = tree_of(path)
    members = [
        (node.module, [alias.name for alias in node.names])
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
    ]
    return list(imported(tree)), members


def circle(graph: Mapping[Path, Iterable[Path]]) -> list[Path]:
    """Files that import each other in a circle; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def room_of(root: Path, path: Path) -> str:
    """The room that a file lies in; all folders of methods are one, but for the layers."""
    room = path.parent.relative_to(root).as_posix()
    return "methods" if room.startswith("methods/") and "/layers" not in room else room


def arrows(root: Path) -> Counter[tuple[str, str]]:
    """(room, room that it imports) -> how often, composition roots left out."""
    found: Counter[tuple[str, str]] = Counter()
    for path, others in imports(root).items():
        if not path.relative_to(root).as_posix().startswith(COMPOSITION_ROOTS):
            found.update((room_of(root, path), room_of(root, other)) for other in others)
    return Counter({pair: count for pair, count in found.items() if pair[0] != pair[1]})


def folders(root: Path) -> Counter[str]:
    """Folder -> its Python files."""
    paths = sources(root, *PACKAGES, "datasets")
    return Counter(path.parent.relative_to(root).as_posix() for path in paths)


def closure(graph: Mapping[Path, Iterable[Path]], roots: Iterable[Path]) -> set[Path]:
    """Every file that roots import, directly or not."""
    pending, seen = list(roots), set()
    while pending:
        if (path := pending.pop()) not in seen:
            seen.add(path)
            pending += graph[path]
    return seen


def show(root: Path) -> None:
    """Print the measurements of a checkout."""
    graph, lines = imports(root), Counter[str]()
    for path in sources(root, *PACKAGES, "datasets"):
        lines[path.relative_to(root).parts[0]] += len(path.read_text("utf-8").splitlines())
    print("files per folder")
    for folder, count in sorted(folders(root).items()):
        print(f"  {count:3} {folder}{' (crowded)' if count > MOST_FILES else ''}")
    around = [module_of(root, path) for path in circle(graph)]
    print(f"circle: {' -> '.join(around) or 'none'}")
    print("arrows between rooms")
    for (room, other), count in sorted(arrows(root).items()):
        print(f"  {room} -> {other} ({count})")
    print(f"lines: {sum(lines.values())}", *(f"{name} {n}" for name, n in lines.items()))
    loop = root / "bench" / "training" / "loop.py"
    loop = loop if loop.exists() else root / "bench" / "train.py"  # before there were rooms
    for method in ("gldi", "voca"):
        key = closure(graph, [root / "methods" / method / "__init__.py", loop])
        names = sorted(module_of(root, path) for path in key)
        print(f"a training key of {method} hangs on {len(names)} files: {' '.join(names)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", nargs="?", type=Path, default=REPOSITORY)
    show(parser.parse_args().root.resolve())
