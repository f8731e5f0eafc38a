"""The digests of a profile's results, tables, figures and pages: made of files, kept in reference/.

A folder per profile holds ``results.sha256`` (as `sha256sum --check` reads it), the numbers that
the files hold, and what they were made with.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from bench.common.files import read_json, sha256_of, sha256_of_file, write_atomically, write_json
from bench.common.project import results_folder
from bench.common.records import Frozen
from bench.verify.numbers import flat, nested, numbers_of
from bench.verify.surroundings import Surroundings, surroundings

REFERENCE = Path("reference")
FOLDERS = tuple(map(Path, ("results", "reports/tables", "reports/figures", "reports/site")))
SCHEMA: Literal[1] = 1
HASHES, NUMBERS, MADE_WITH = "results.sha256", "numbers.json", "made_with.json"


class MadeWith(Frozen):
    """What digests are of, and what they were made with."""

    schema_version: Literal[1] = SCHEMA
    profile: str
    datasets: tuple[str, ...]
    keys: dict[str, str]  # results file -> hash of the cache keys in it
    surroundings: Surroundings


@dataclass(frozen=True)
class Digests:
    """Every generated file by its path: hash, and the numbers in it where it holds some."""

    made_with: MadeWith
    hashes: dict[str, str]
    numbers: dict[str, dict[str, float]]

    def of_datasets(self, datasets: Iterable[str]) -> "Digests":
        """Those of the results of some datasets, without tables, figures and pages."""
        folders = tuple(f"results/{name}/" for name in datasets)
        hashes = {name: value for name, value in self.hashes.items() if name.startswith(folders)}
        numbers = {name: value for name, value in self.numbers.items() if name in hashes}
        return replace(self, hashes=hashes, numbers=numbers)


def take() -> Digests | None:
    """The digests of what lies here; None where there are no results.

    Raises ValueError for results of several profiles, or a file that cannot be read.
    """
    rows = _rows()
    profiles = sorted({row["profile"] for row in rows.values()})
    if not rows:
        return None
    if len(profiles) > 1:
        raise ValueError(f"results/ is of profiles {', '.join(profiles)}; run: dvc repro")
    paths = sorted(path for folder in FOLDERS for path in folder.rglob("*") if path.is_file())
    datasets = tuple(sorted({row["dataset"] for row in rows.values()}))
    kept = [path for path in paths if _holds_numbers(path, datasets)]
    numbers = {path.as_posix(): found for path in kept if (found := numbers_of(path))}
    return Digests(
        MadeWith(
            profile=profiles[0],
            datasets=datasets,
            keys={name: _keys(row) for name, row in rows.items()},
            surroundings=surroundings(),
        ),
        {path.as_posix(): sha256_of_file(path) for path in paths},
        numbers,
    )


def failed_runs() -> list[str]:
    """Results files with a run that is not done."""
    return [
        name
        for name, row in _rows().items()
        if any(run["status"] == "failed" for run in row["runs"])
    ]


def committed() -> list[str]:
    """The profiles that digests are committed of."""
    return sorted(path.parent.name for path in REFERENCE.glob(f"*/{MADE_WITH}"))


def read_digests(profile: str) -> Digests:
    """Read those of a profile. Raises ValueError for a file that is lost, damaged or newer."""
    folder = REFERENCE / profile
    try:
        made_with = MadeWith.model_validate(read_json(folder / MADE_WITH))
        lines = (folder / HASHES).read_text(encoding="utf-8").splitlines()
    except (OSError, ValidationError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
        raise ValueError(
            f"{folder} cannot be read: {reason}; run: git checkout {folder}"
        ) from error
    pairs = (line.split("  ", 1) for line in lines)
    trees = read_json(folder / NUMBERS)
    return Digests(
        made_with,
        {path: hash_ for hash_, path in pairs},
        {path: flat(tree) for path, tree in trees.items()},
    )


def write_digests(digests: Digests) -> Path:
    """Write them, and return their folder."""
    folder = REFERENCE / digests.made_with.profile
    with write_atomically(folder / HASHES) as temporary:
        lines = [f"{hash_}  {path}\n" for path, hash_ in digests.hashes.items()]
        temporary.write_text("".join(lines), encoding="utf-8")
    trees = {path: nested(numbers) for path, numbers in digests.numbers.items()}
    write_json(folder / NUMBERS, trees)
    write_json(folder / MADE_WITH, digests.made_with.model_dump(mode="json"))
    return folder


def _rows() -> dict[str, dict[str, Any]]:
    """Results file of a row -> what it holds; rows of absent datasets are left out."""
    paths = sorted(results_folder().glob("*/*.json"))
    found = {path.as_posix(): read_json(path) for path in paths}
    return {name: row for name, row in found.items() if "runs" in row}


def _keys(row: dict[str, Any]) -> str:
    return sha256_of([run["keys"] for run in row["runs"]])


def _holds_numbers(path: Path, datasets: tuple[str, ...]) -> bool:
    """Whether a file's numbers are kept: results and tables; pages and plans only repeat them."""
    parts = path.parts
    return parts[:2] == ("reports", "tables") or (parts[0] == "results" and parts[1] in datasets)
