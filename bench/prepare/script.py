"""The command line of datasets/*/prepare.py: read, check, write, all clips in parallel."""

import argparse
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.common.files import sha256_of
from bench.common.fingerprint import fingerprint, normalised
from bench.common.project import cache_folder, data_folder, raw_folder
from bench.common.terminal import complain, console
from bench.dataset.card import Card, read_card
from bench.prepare.clips import Prepared, Task, prepare_clip
from bench.prepare.processed import read_processed
from bench.prepare.release import Reader, Recording, Release
from bench.prepare.writing import write_geometry, write_manifest


def main(script: Path, readers: Sequence[Reader]) -> int:
    """Run the command line of a dataset's prepare.py, ``script``, which lies beside its card.

    ``readers``: the dataset's own forms; the processed layout is always known. Returns 0, or 1 with
    a line on standard error, or with a table of all sequences that are wrong.
    """
    folder = script.resolve().parent
    options = _parser(folder.name).parse_args()
    if options.out.is_file():
        complain(f"--out {options.out}: expected a folder, got a file")
        return 1
    raw = options.raw or raw_folder(folder.name)
    try:
        card = read_card(folder.name, folder.parent)
        release = find_release(raw, card, readers)
        return _prepare(release, card, raw, options, sorted(folder.glob("*.py")), console())
    except ValueError as error:
        complain(str(error))
        return 1


def find_release(raw: Path, card: Card, readers: Sequence[Reader]) -> Release:
    """The release of a folder, in the first form that it has.

    Raises ValueError for a folder that has none.
    """
    every: tuple[Reader, ...] = (*readers, read_processed)
    for reader in every:
        release = reader(raw, card)
        if release is not None:
            return release
    raise ValueError(
        f"{raw}: expected the files of {card.name}, raw or processed, got "
        f"{'nothing of the kind' if raw.is_dir() else 'no such folder'}; "
        f"datasets/{card.name}/README.md says what to put there"
    )


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=f"Prepare {name} from the files that you have.")
    parser.add_argument("--raw", type=Path, help=f"their folder; default: {raw_folder(name)}")
    parser.add_argument("--out", type=Path, default=data_folder() / name)
    parser.add_argument(
        "--textgrids", type=Path, help="phone and word times; default: RAW/textgrids"
    )
    # a few hundred MB each at BIWI's size: as many as stay below 2 GB
    workers = min(os.cpu_count() or 1, 6)
    parser.add_argument("--workers", type=int, default=workers, help="processes")
    return parser


def _prepare(
    release: Release,
    card: Card,
    raw: Path,
    options: argparse.Namespace,
    code: list[Path],
    out: Console,
) -> int:
    recordings = sorted(release.recordings, key=lambda recording: recording.name)
    problems = dict(_not_unique(recordings))
    problems |= {
        recording.name: ("no template of this subject",)
        for recording in recordings
        if card.expected()[recording.name][0] not in release.templates
    }
    usable = [each for each in recordings if each.name not in problems]
    # clips may change from here on: until all of them are right, nothing is prepared
    (options.out / "manifest.json").unlink(missing_ok=True)
    prepared = list(_in_parallel(_tasks(usable, card, options, code), options.workers, out))
    problems |= {each.name: each.problems for each in prepared if each.problems}
    problems |= _same_motion([each for each in prepared if not each.problems])
    if problems:
        sources = {recording.name: recording.source for recording in recordings}
        _say_problems(problems, sources, raw, out)
        return 1
    if not prepared:
        raise ValueError(f"{raw}: no sequence of the splits of {card.name} is there")
    geometry = write_geometry(options.out, card, release, raw)
    clips = {each.name: each for each in prepared}
    write_manifest(
        options.out, card, release, geometry, clips, options.textgrids or raw / "textgrids"
    )
    _say_counts(card, set(clips), options.out, out)
    for name, mask in geometry["masks"].items():
        out.print(f"mask {name}: {mask['size']} vertices, {mask['origin']}", markup=False)
    return 0


def _tasks(
    recordings: Sequence[Recording], card: Card, options: argparse.Namespace, code: list[Path]
) -> list[Task]:
    own = [normalised(path.read_text(encoding="utf-8")) for path in code]
    version = sha256_of([fingerprint([__name__]), own])
    place = sha256_of(str(options.out.resolve()))[:16]
    records = cache_folder() / "prepared" / f"{card.name}-{place}"
    return [
        Task(each, card, options.out, records / f"{each.name}.json", version) for each in recordings
    ]


def _in_parallel(tasks: Sequence[Task], workers: int, out: Console) -> Iterator[Prepared]:
    with ProcessPoolExecutor(max(workers, 1)) as pool:
        results = pool.map(prepare_clip, tasks)
        yield from track(results, "clips", total=len(tasks), console=out, transient=True)


def _not_unique(recordings: Sequence[Recording]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, count in Counter(recording.name for recording in recordings).items():
        if count > 1:
            places = [each.source for each in recordings if each.name == name]
            yield name, (f"duplicate: is there {count} times: {', '.join(places)}",)


def _same_motion(prepared: Sequence[Prepared]) -> dict[str, tuple[str, ...]]:
    """Clips whose motion is another clip's, bit for bit."""
    first: dict[str, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    for each in prepared:
        other = first.setdefault(each.entries["motion_sha256"], each.name)
        if other != each.name:
            found[each.name] = (f"duplicate: the same motion as {other}",)
    return found


def _say_problems(
    problems: dict[str, tuple[str, ...]], sources: dict[str, str], raw: Path, out: Console
) -> None:
    """Everything that is wrong in one table; paths are told from the raw folder on."""
    table = Table(title=f"{len(problems)} sequences of {raw} cannot be used")
    for column in ("sequence", "what is wrong", "file"):
        table.add_column(column, overflow="fold")
    for name, reasons in sorted(problems.items()):
        cells = (name, "; ".join(reasons), sources[name])
        table.add_row(*(cell.replace(f"{raw}{os.sep}", "") for cell in cells))
    out.print(table, markup=False)
    complain(
        f"{len(problems)} sequences cannot be used (see the table); mend or remove their files and "
        "run this again: what is done is kept"
    )


def _say_counts(card: Card, clips: set[str], folder: Path, out: Console) -> None:
    expected = card.expected()
    totals = Counter(split for _, _, split in expected.values())
    there = Counter(expected[name][2] for name in clips)
    counts = ", ".join(f"{split} {there[split]} of {n}" for split, n in totals.items())
    out.print(f"{folder}: {len(clips)} clips: {counts}", markup=False)
    if missing := sorted(expected.keys() - clips):
        shown = ", ".join(missing[:8]) + (", ..." if len(missing) > 8 else "")
        out.print(f"missing: {len(missing)} sequences ({shown}); all are in manifest.json")
