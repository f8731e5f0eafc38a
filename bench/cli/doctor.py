"""`bench doctor`: what of this machine the suite can use, and a fix for what it cannot."""

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from bench.common.arithmetic import CHOICE, EXACT, NATIVE, in_use, why_native
from bench.common.environment import hide_broken_torchaudio
from bench.common.files import read_json
from bench.common.project import data_folder, raw_folder
from bench.common.records import read_yaml
from bench.common.terminal import console, say
from bench.dataset.card import CARDS, Card, read_card
from bench.registry.rows import Registry
from bench.verify.lock import LOCK, installed, lock_of, moved, read_lock

Level = Literal["ok", "note", "bad"]


class Finding(NamedTuple):
    """One line of the report."""

    what: str
    level: Level  # note: something optional is absent
    text: str
    fix: str = ""


def diagnose(registry: Registry) -> int:
    """Print every finding with its fix; the exit code is 1 if something needed is broken."""
    findings = list(examine(registry))
    colours = {"ok": "green", "note": "yellow", "bad": "red"}
    for finding in findings:
        console().print(f"{finding.level:<5}", style=colours[finding.level], end="")
        say(f"{finding.what:<16}{finding.text}")
        if finding.fix:
            say(f"{'':<21}fix: {finding.fix}")
    return 1 if any(finding.level == "bad" for finding in findings) else 0


def examine(registry: Registry) -> Iterator[Finding]:
    """Python, arithmetic, versions, torch, torchaudio, speech weights, data, masks, SLURM, DVC."""
    yield Finding("python", "ok", sys.version.split()[0])  # pip refuses an older one
    yield _arithmetic()
    yield _lock()
    yield from _torch()
    yield _torchaudio()
    yield from _weights(registry)
    yield from _data()
    yield from _masks()
    if sbatch := shutil.which("sbatch"):
        yield Finding("SLURM", "ok", sbatch)
    else:
        text = "sbatch is not here: only clusters need it; --executor local works without"
        yield Finding("SLURM", "note", text)
    yield _dvc()


def _arithmetic() -> Finding:
    if reason := why_native():
        return Finding("arithmetic", "note", reason)
    if in_use() == NATIVE:
        text = "native: digits differ from processor to processor"
        return Finding("arithmetic", "note", text, f"unset {CHOICE}")
    return Finding("arithmetic", "ok", f"{EXACT}: the same digits on every such processor")


def _lock() -> Finding:
    """Whether the libraries are those that the committed digests are made with."""
    if not LOCK.exists():
        return Finding("versions", "note", f"{LOCK} is not here: this is not the repository's root")
    different = moved(read_lock(), lock_of(installed()))
    if not different:
        return Finding("versions", "ok", f"those of {LOCK}")
    text = f"{len(different)} are not those of {LOCK}, so digits may differ: {different[0]}"
    return Finding("versions", "note", text, f"pip install -r {LOCK}")


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding("torch", "bad", str(error).splitlines()[0], "pip install torch==2.13.0")
        return
    yield Finding("torch", "ok", torch.__version__)
    if torch.cuda.is_available():
        yield Finding("CUDA", "ok", f"{torch.version.cuda}, {torch.cuda.get_device_name(0)}")
    elif torch.version.cuda:
        yield Finding(
            "CUDA", "note", "torch is a CUDA build but sees no GPU", "check the driver: nvidia-smi"
        )
    else:
        yield Finding("CUDA", "note", "CPU build of torch: mini runs, paper sizes need a GPU")


def _torchaudio() -> Finding:
    """Whether it loads, and then whether it agrees with the CPU path that numbers rest on."""
    if find_spec("torchaudio") is None:
        return Finding("torchaudio", "ok", "absent: not needed")
    reason = hide_broken_torchaudio()
    if reason is not None:
        torch = _version("torch")
        clash = "; its wheel needs a CUDA build of torch" if torch.endswith("+cpu") else ""
        text = f"does not load beside torch {torch}{clash} ({reason}); hidden from transformers"
        return Finding("torchaudio", "bad", text, "pip uninstall -y torchaudio")
    from bench.common.constants import AUDIO_BACKEND
    from bench.media.torchaudio_backend import compare  # torch, which may be broken

    try:
        agreement = compare()
    except (RuntimeError, AttributeError, TypeError) as error:
        text = f"loads but does not work: {' '.join(str(error).split())}"
        return Finding("torchaudio", "bad", text, f"leave {AUDIO_BACKEND} unset")
    text = f"{_version('torchaudio')}: {agreement}"
    if not agreement.holds:
        return Finding("torchaudio", "bad", text, f"leave {AUDIO_BACKEND} unset")
    return Finding("torchaudio", "ok", f"{text}; {AUDIO_BACKEND}=torchaudio uses it")


def _weights(registry: Registry) -> Iterator[Finding]:
    from bench.weights.fetch import is_local, paper_sources

    for source in paper_sources(registry):
        if is_local(source):
            yield Finding("speech weights", "ok", source.name)
        else:
            text = f"{source.name} is not here: paper presets cannot run, mini can"
            yield Finding("speech weights", "note", text, "bench fetch (on a machine with network)")


def _data() -> Iterator[Finding]:
    for card in sorted(CARDS.glob("*/dataset.yaml")):
        name = card.parent.name
        path = data_folder() / name / "manifest.json"
        if path.exists():
            manifest = read_json(path)
            yield Finding("data", "ok", f"{name}: {len(manifest['clips'])} clips")
        else:
            yield Finding("data", "note", f"{name} is not prepared", f"bench prepare {name}")


def _masks() -> Iterator[Finding]:
    """Of datasets that users bring: the file that defines each region, or where it would belong."""
    for path in sorted(CARDS.glob("*/dataset.yaml")):
        if read_yaml(path).get("generated") is False:
            card = read_card(path.parent.name)
            yield from (_mask(card, name) for name in card.masks)


def _mask(card: Card, name: str) -> Finding:
    from bench.dataset.masks import region_path  # numpy

    mask, folder = card.masks[name], raw_folder(card.name)
    for file in mask.files:
        if found := region_path(folder, file):
            return Finding("mask", "ok", f"{card.name}, {name}: {found}")
    places = [f"{file.file} ({file.source})" for file in mask.files]
    instead = "it is absent" if mask.box is None else "a box stands in, labelled geometric fallback"
    text = f"{card.name}, {name}: no file in {folder}/; {instead}"
    return Finding("mask", "note", text, f"put there {', or '.join(places)}")


def _dvc() -> Finding:
    if _version("dvc") == "absent":
        return Finding("DVC", "note", "absent: `dvc repro` needs it", "pip install -e '.[dvc]'")
    if not Path(".dvc").exists():
        return Finding("DVC", "note", "this is not the repository's root", "cd to the clone")
    return Finding("DVC", "ok", _version("dvc"))


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"
