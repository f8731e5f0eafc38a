"""Looks what of a dataset is on this machine: a small stable file that `dvc repro` depends on.

Raw data is large and licensed: it stays outside of Git and DVC. What the tables depend on is this
answer, and the prepared clips.
"""

import subprocess
import sys
from pathlib import Path
from typing import Literal

from bench.common.files import read_json, sha256_of, sha256_of_file, write_json
from bench.common.project import data_folder, raw_folder, results_folder
from bench.common.records import Frozen, read_yaml
from bench.common.terminal import complain, say
from bench.dataset.card import CARDS, Card, read_card
from bench.dataset.reader import load_dataset

PULL = "dvc pull --force data@{}"  # brings the clips of a laboratory's own remote
State = Literal["generated", "raw", "processed", "prepared", "absent"]
SKIPPED = "SKIPPED.json"  # in the folder of a dataset that is absent, instead of its clips


class Probe(Frozen):
    """The answer; the same files give the same bytes on every machine."""

    dataset: str
    state: State
    files: int = 0  # below the raw folder
    listing_sha256: str = ""  # of their names and sizes
    reason: str = ""  # of an absent dataset, one line: what to do


def probe(name: str) -> Probe:
    """Look for a dataset's files. Raises ValueError for a name that nobody knows."""
    if _generated(name):
        return Probe(dataset=name, state="generated")
    card = read_card(name)
    raw = raw_folder(name)
    for state in ("raw", "processed"):
        if all(any(raw.glob(pattern)) for pattern in card.forms[state]):
            listing = _listing(raw)
            return Probe(
                dataset=name, state=state, files=len(listing), listing_sha256=sha256_of(listing)
            )
    if (data_folder() / name / "manifest.json").exists():
        return Probe(dataset=name, state="prepared")
    return Probe(dataset=name, state="absent", reason=_reason(card, raw))


def write_probe(name: str) -> Probe:
    """Look, and write ``results/data/probes/<dataset>.json``."""
    found = probe(name)
    write_json(results_folder() / "data" / "probes" / f"{name}.json", found.model_dump(mode="json"))
    return found


def why_skipped(name: str) -> str | None:
    """Why a dataset that is turned on is not there; None for one that is, or was never probed."""
    folder = data_folder() / name
    if (folder / "manifest.json").exists() or not (folder / SKIPPED).exists():
        return None
    return str(read_json(folder / SKIPPED)["skipped"])


def _generated(name: str) -> bool:
    path = CARDS / name / "dataset.yaml"
    return path.exists() and bool(read_yaml(path).get("generated"))


def _listing(folder: Path) -> list[list[object]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [[path.relative_to(folder).as_posix(), path.stat().st_size] for path in files]


def _reason(card: Card, raw: Path) -> str:
    there = "has none of its files" if raw.is_dir() else "does not exist"
    return (
        f"{card.title} is not on this machine: {raw} {there}; datasets/{card.name}/README.md says "
        "how to get it"
    )


def prepare(name: str) -> int:
    """Run ``datasets/<name>/prepare.py``; returns its exit code.

    A dataset that is absent is no error: a marker with the reason takes the place of its clips.
    What was prepared before, or came from a laboratory's own remote, is kept where the raw files
    are absent. Raises ValueError for a name that nobody knows, and where what is kept is damaged.
    """
    folder, found = data_folder() / name, probe(name)
    (folder / SKIPPED).unlink(missing_ok=True)
    if found.state == "absent":
        say(f"{name}: skipped: {found.reason}")
        write_json(folder / SKIPPED, {"dataset": name, "skipped": found.reason})
    elif found.state == "prepared":
        _check_kept(name)
        say(f"{name}: the clips in {folder} are kept; there are no raw files")
    else:
        script = CARDS / name / "prepare.py"
        done = subprocess.run([sys.executable, str(script), "--out", str(folder)], check=False)
        if done.returncode:
            return done.returncode
    manifest = folder / "manifest.json"
    summary = {
        "dataset": name,
        "state": found.state,
        "manifest_sha256": sha256_of_file(manifest) if manifest.exists() else None,
    }
    write_json(results_folder() / "data" / "prepared" / f"{name}.json", summary)
    return 0


def _check_kept(name: str) -> None:
    """ValueError for clips that are not what was prepared, where no raw files can mend them."""
    problems = list(load_dataset(name, data_folder()).problems())
    for problem in problems:
        complain(problem.partition("; run: ")[0])
    if problems:
        raise ValueError(
            f"{name}: {len(problems)} files are damaged, and there are no raw files to make them "
            f"from; bring them again: {PULL.format(name)}, or from where they were prepared"
        )
