"""``python -m benchmarks.preparing``: time and memory that preparing a full-size BIWI takes.

The release is a generated fake of the real one's size: archives of .vl frames of 23370 vertices.
It is written to a temporary folder, prepared by the command that users type, and deleted; with the
default numbers it and what is made of it take 7 GB of disk.
"""

import io
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import psutil
import soundfile
import typer

from bench.data import DatasetSpec
from bench.dataset.card import Card, read_card
from bench.media.meshes import write_obj
from benchmarks.harness import say
from benchmarks.subjects import make_head

ROOT = Path(__file__).parents[1]
SAMPLING_SECONDS = 0.1
RATE = 44_100  # Hz


def write_fake(folder: Path, card: Card, spec: DatasetSpec, clips: list[str], frames: int) -> None:
    """A raw release of these clips: faces/, rigid_scans/ and audio/."""
    template = spec.template.numpy() * 1000 * (1, -1, -1)  # mm, upside down
    draws = np.random.default_rng(0)
    sway = draws.standard_normal(template.shape)
    for clip in clips:
        subject, _, sequence = clip.partition("_")
        scan = folder / "rigid_scans" / f"{subject}.obj"
        if not scan.exists():
            write_obj(scan, template, spec.faces.numpy())
        archive_path = folder / "faces" / subject / f"{sequence}.tar"
        archive_path.parent.mkdir(parents=True, exist_ok=True)
        phase = draws.uniform(0, 6)
        with tarfile.open(archive_path, "w") as archive:
            for k in range(frames):
                vertices = (template + np.sin(0.3 * k + phase) * sway).astype("<f4")
                data = len(vertices).to_bytes(4, "little") + vertices.tobytes()
                member = tarfile.TarInfo(f"frame_{k + 1:03d}.vl")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        sound = folder / "audio" / f"{clip}.wav"
        sound.parent.mkdir(exist_ok=True)
        hum = 0.3 * np.sin(0.02 * np.arange(round(frames / card.raw_fps * RATE)))
        soundfile.write(sound, hum, RATE, subtype="PCM_16")


def measure(raw: Path, out: Path, workers: int) -> tuple[float, float, float]:
    """Run the command and watch its memory.

    Returns its seconds and, each at its peak, the proportional memory of all processes together
    and the resident memory of the largest one, in MiB.
    """
    command = [sys.executable, str(ROOT / "datasets" / "biwi" / "prepare.py")]
    command += ["--raw", str(raw), "--out", str(out), "--workers", str(workers)]
    start = time.perf_counter()
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    together = largest = 0.0
    while running.poll() is None:
        sizes = list(_sizes(psutil.Process(running.pid)))
        together = max(together, sum(own for own, _ in sizes))
        largest = max(largest, *(resident for _, resident in sizes), 0.0)
        time.sleep(SAMPLING_SECONDS)
    if running.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {running.returncode}")
    return time.perf_counter() - start, together, largest


def _sizes(parent: psutil.Process) -> Iterator[tuple[float, float]]:
    """Proportional and resident MiB of a process and its children; some may end meanwhile."""
    try:
        for process in (parent, *parent.children(recursive=True)):
            memory = process.memory_full_info()
            # shared pages count once in all; where the system does not tell, they count each time
            yield getattr(memory, "pss", memory.rss) / 2**20, memory.rss / 2**20
    except psutil.NoSuchProcess:
        return


def main(
    clips: Annotated[int, typer.Option(help="sequences of the release, at most 272")] = 100,
    frames: Annotated[int, typer.Option(help="of each sequence")] = 120,
    workers: Annotated[list[int] | None, typer.Option(help="processes; may be repeated")] = None,
    folder: Annotated[Path | None, typer.Option(help="where the temporary files go")] = None,
) -> None:
    """Prepare a generated BIWI with 1 and 2 workers, or as many as are asked for."""
    card = read_card("biwi", ROOT / "datasets")
    names = list(card.expected())[:clips]
    with TemporaryDirectory(dir=folder) as temporary:
        raw = Path(temporary) / "raw"
        say(f"writing {len(names)} sequences of {frames} frames")
        write_fake(raw, card, make_head(card.num_vertices), names, frames)
        print(f"{len(names)} sequences, {frames} frames, {card.num_vertices} vertices")
        print("| workers | s | clips/s | MiB, all processes | MiB, largest process |")
        print("|---|---|---|---|---|")
        for number in workers or [1, 2]:
            say(f"preparing with --workers {number}")
            with TemporaryDirectory(dir=temporary) as data:
                seconds, together, largest = measure(raw, Path(data) / "biwi", number)
            rate = len(names) / seconds
            print(f"| {number} | {seconds:.1f} | {rate:.2f} | {together:.0f} | {largest:.0f} |")


if __name__ == "__main__":
    typer.run(main)
