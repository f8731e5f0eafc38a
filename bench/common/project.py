"""Where a project's files lie, and the profiles of its params.yaml."""

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import Field

from bench.common.environment import ROOT
from bench.common.errors import unknown
from bench.common.records import Frozen, read_record


class Profile(Frozen):
    """A preset suffix, seeds and the datasets of commands; overrides make it smaller for tests."""

    preset: str
    # a dataset without a preset of this profile takes this one's: ``<fallback>-<preset>.yaml``
    fallback: str | None = None
    datasets: tuple[str, ...] = ()  # of commands without --dataset; none: those of Params
    seeds: tuple[int, ...] = Field(min_length=1)
    set: tuple[str, ...] = ()
    # where its results are computed, a part of their keys; a cluster's login node has no GPU
    device: Literal["auto", "cpu", "cuda"] = "auto"


class Params(Frozen):
    """params.yaml."""

    profile: str
    datasets: tuple[str, ...]  # turned on: what `dvc repro` makes tables of (dvc.yaml's matrix)
    methods: tuple[str, ...]
    ablations: tuple[str, ...] = ()  # method-ablation; each becomes a table of its own
    profiles: dict[str, Profile]

    def get(self, name: str | None) -> Profile:
        """The named profile, or the default one. Raises ValueError for an unknown name."""
        name = name or self.profile
        if name not in self.profiles:
            raise unknown("profile", name, self.profiles)
        return self.profiles[name]


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read params.yaml. Raises ValueError with one line for a missing file or a wrong key."""
    if not path.exists():
        raise ValueError(f"{path} does not exist here; run from the repository's root")
    return read_record(Params, path)


def runs_folder() -> Path:
    """The cache: ``$BENCH_RUNS`` or ``.runs`` here."""
    return Path(os.environ.get("BENCH_RUNS", ".runs"))


def data_folder() -> Path:
    """Prepared datasets: ``$BENCH_DATA`` or ``data`` here."""
    return Path(os.environ.get("BENCH_DATA", "data"))


def raw_folder(name: str) -> Path:
    """Where a user's own files of a dataset lie: ``$BENCH_RAW/<name>`` or ``raw/<name>`` here."""
    return Path(os.environ.get("BENCH_RAW", "raw")) / name


def cache_folder() -> Path:
    """Folder of what can be made again in a moment: ``$BENCH_CACHE`` or ``.cache`` here."""
    return Path(os.environ.get("BENCH_CACHE", ".cache"))


def jobs_folder() -> Path:
    """Folder of submissions and their logs, on a shared disk: ``$BENCH_JOBS`` or ``.jobs`` here."""
    return Path(os.environ.get("BENCH_JOBS", ".jobs"))


def without_places(text: str) -> str:
    """A message or traceback with the paths that it has on every machine: ``data/toy/faces.npy``.

    What comes before the project's own folders, and before installed packages, is cut off.
    """
    folders = {"data": data_folder(), ".runs": runs_folder(), "raw": raw_folder("")}
    for name, folder in folders.items():
        text = text.replace(f"{folder.resolve()}/", f"{name}/")
    for root in (Path.cwd(), ROOT):
        text = text.replace(f"{root}/", "")
    return re.sub(r'File "[^"]*/(?:site-packages|python3\.\d+)/', 'File "', text)


def results_folder() -> Path:
    """Where results files lie."""
    return Path("results")


def provenance_file() -> Path:
    """Times, memory and machines of all steps behind the tables: no output of `dvc repro`."""
    return Path("reports") / "provenance.csv"


def plans_folder() -> Path:
    """Where `bench fill` says what the tables refer to."""
    return results_folder() / "plans"
