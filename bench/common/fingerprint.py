"""Fingerprints of a step's code: new when the program changes, and only then.

The fingerprint of a module covers every module of its own packages that it imports, directly or
not, each as source without comments and docstrings. Package ``__init__`` files count only where
they are imported by name, so a registry's new line changes nobody's fingerprint.

Where a module of ours lies is no part of it: of ``from bench.training.loss import make_loss`` the
hash of a source keeps ``make_loss``. Beside it stands a hash of what those names lead to, told by
content, so that the same name from another module is a change. A module imported whole keeps its
name, unless it is given another one: ``loss.make_loss()`` in the code is an edit when the file is
renamed. Fingerprints name modules for people; keys are made of the values alone.
"""

import ast
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from bench.common.files import sha256_of

OURS = frozenset({"bench", "methods"})
HASH_LENGTH = 32  # hex digits of each half of a value


class Source(NamedTuple):
    """The code of one module."""

    code: str  # hash of its source
    imports: tuple[tuple[str, str], ...]  # names as they are imported, and the module of ours


def fingerprint(roots: Iterable[str]) -> dict[str, str]:
    """Module -> ``<hash of its code>-<hash of what it imports>``, over the closure of ``roots``.

    Raises ValueError for a root that has no source.
    """
    roots = list(roots)
    packages = OURS | {root.partition(".")[0] for root in roots}
    pending, sources = roots[:], dict[str, Source]()
    while pending:
        module = pending.pop()
        if module in sources:
            continue
        path = source_file(module)
        if path is not None:
            sources[module] = _read(path, module, packages, path.stat().st_mtime_ns)
            pending += [imported for _, imported in sources[module].imports]
        elif module in roots:
            raise ValueError(f"There is no module {module!r}; is it installed?")
    return {name: f"{sources[name].code}-{_leads(sources, name)}" for name in sorted(sources)}


def changed_modules(new: Mapping[str, str], old: Mapping[str, str]) -> list[str]:
    """The modules of two fingerprints whose code differs; one that was moved is none of them.

    Where no code differs: those whose imports lead to other code than before.
    """
    for length in (HASH_LENGTH, None):
        values = [{name: value[:length] for name, value in each.items()} for each in (new, old)]
        same = set(values[0].values()) & set(values[1].values())
        if found := {name for each in values for name in each if each[name] not in same}:
            return sorted(found)
    return []


def normalised(source: str) -> str:
    """Source without comments, docstrings and layout."""
    return ast.unparse(_without_words(source))


def _without_words(source: str) -> ast.Module:
    tree = ast.parse(source)
    for node in _with_statements(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # a bare string anywhere in a body does nothing: docstrings of fields and constants too
            node.body = [s for s in node.body if not _is_string(s)] or [ast.Pass()]
    return tree


def _with_statements(tree: ast.Module) -> Iterator[Any]:
    """The nodes that may hold statements, outer ones first: a tenth of all nodes."""
    pending: deque[Any] = deque([tree])
    while pending:
        node = pending.popleft()
        for block in ("body", "handlers", "orelse", "finalbody", "cases"):
            pending += getattr(node, block, ())
        yield node


def _is_string(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


@cache
def _read(path: Path, module: str, packages: frozenset[str], _modified: int) -> Source:
    tree = _without_words(path.read_text(encoding="utf-8"))
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    imports: list[tuple[str, str]] = []
    for node in _with_statements(tree):
        for block in ("body", "orelse", "finalbody"):
            if statements := getattr(node, block, None):
                setattr(node, block, list(_placeless(statements, package, packages, imports)))
    return Source(sha256_of(ast.unparse(tree))[:HASH_LENGTH], tuple(imports))


def _placeless(
    statements: list[Any], package: str, packages: frozenset[str], found: list[tuple[str, str]]
) -> Iterator[ast.stmt]:
    """Statements with the names alone of what is imported from ``packages``, added to ``found``.

    Neighbouring imports are sorted by these names: after a move they stand in another order.
    """
    for are_imports, run in groupby(
        statements, lambda s: isinstance(s, (ast.Import, ast.ImportFrom))
    ):
        if not are_imports:
            yield from run
            continue
        ours: list[tuple[str, str]] = []
        for node in run:
            source = _source(node, package)
            theirs = []
            for alias in node.names:
                if (source or alias.name).partition(".")[0] in packages:
                    ours.append(_words_and_module(source, alias))
                else:
                    theirs.append(alias)
            if theirs:
                node.names = theirs
                yield node
        for words, module in sorted(ours, key=lambda each: each[0]):
            found.append((words, module))
            yield ast.Expr(ast.Constant(f"import {words}"))


def _source(node: Any, package: str) -> str:
    """The module after ``from`` by its absolute name, "" without one: methods elsewhere may import
    relatively."""
    if isinstance(node, ast.Import):
        return ""
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1] if node.level else []
    return ".".join([*above, *filter(None, [node.module])])


def _words_and_module(source: str, alias: ast.alias) -> tuple[str, str]:
    """How an import names a thing of ours, and its module: ``a.b`` of ``from a import b``, where
    that is one, else ``a``."""
    name = alias.asname or alias.name
    if not source:
        return (f"as {name}" if alias.asname else name), alias.name
    whole = f"{source}.{alias.name}"
    if source_file(whole):
        return f"as {name}", whole
    return f"{alias.name} as {name}", source


def _leads(sources: Mapping[str, Source], module: str) -> str:
    """Hash of the names that a module imports from ours, each with the code of their module."""
    imports = sources[module].imports
    found = [[words, sources[m].code if m in sources else ""] for words, m in imports]
    return sha256_of(found)[:HASH_LENGTH]


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
