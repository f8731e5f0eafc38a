"""What a step's code says, whatever its comments say.

The fingerprint of a module covers every module of its own packages that it imports, directly or
not, each as source without comments and docstrings. Package ``__init__`` files count only where
they are imported by name, so a registry's new line changes nobody's fingerprint.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

OURS = frozenset({"bench", "methods"})


def fingerprint(roots: Iterable[str]) -> dict[str, str]:
    """Module -> hash of its code, over the import closure of ``roots``. Raises ValueError for a
    root that has no source."""
    roots = list(roots)
    packages = OURS | {root.partition(".")[0] for root in roots}
    pending, seen = roots[:], {}
    while pending:
        module = pending.pop()
        if module in seen:
            continue
        path = source_file(module)
        if path is None:
            if module in roots:
                raise ValueError(f"There is no module {module!r}; is it installed?")
            continue
        seen[module] = _code_hash(path, path.stat().st_mtime_ns)
        found = _imports(path, module, path.stat().st_mtime_ns)
        pending += [m for m in found if m.partition(".")[0] in packages]
    return dict(sorted(seen.items()))


def normalised(source: str) -> str:
    """Source without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # a bare string anywhere in a body does nothing: docstrings of fields and constants too
            node.body = [s for s in node.body if not _is_string(s)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_string(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


@cache
def _code_hash(path: Path, _modified: int) -> str:
    return hashlib.sha256(normalised(path.read_text(encoding="utf-8")).encode()).hexdigest()


@cache
def _imports(path: Path, module: str, _modified: int) -> tuple[str, ...]:
    """Modules a file imports; ``from a import b`` is a.b where that is one."""
    imports: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = _source(node, module, path)
            submodules = [f"{source}.{alias.name}" for alias in node.names]
            found = [m for m in submodules if source_file(m)]
            imports += found if len(found) == len(submodules) else [*found, source]
    return tuple(imports)


def _source(node: ast.ImportFrom, module: str, path: Path) -> str:
    """What stands after ``from`` by its absolute name: methods elsewhere may import relatively."""
    if node.level == 0:
        return node.module or ""
    package = module.split(".")
    up = node.level - (path.name == "__init__.py")
    return ".".join([*package[: len(package) - up], *filter(None, [node.module])])


def module_of(reference: str) -> str:
    """The module of ``module:Class``."""
    return reference.partition(":")[0]


def source_file(module: str) -> Path | None:
    """The file of a module without importing it; None when it is not a plain source file."""
    package, *parts = module.split(".")
    spec = find_spec(package)
    if spec is None:
        return None
    if not parts:
        return Path(spec.origin) if spec.origin else None
    for location in spec.submodule_search_locations or ():
        path = Path(location, *parts)
        for candidate in (path / "__init__.py", path.with_suffix(".py")):
            if candidate.exists():
                return candidate
    return None
