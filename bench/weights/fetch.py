"""`bench fetch`: brings pre-trained speech encoders once, so that jobs run offline.

Weights lie as ``<weights folder>/<hub id with -- for />/{config.json, model.safetensors}``. A hub
file in torch's old format is read with restricted loading and written again as safetensors.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # the name of the error only: nothing is unpickled here
from typing import Any

from bench.common.files import sha256_of_file, write_atomically
from bench.common.records import read_yaml
from bench.common.terminal import say
from bench.registry.rows import Registry
from bench.weights.local import fetched_folder, local_weights


@dataclass(frozen=True)
class Source:
    """Weights that a preset names."""

    name: str  # hub id or folder
    revision: str | None = None
    sha256: str | None = None  # of model.safetensors


class WrongHash(ValueError):
    """Weights that are not those that a preset names."""


def is_local(source: Source) -> bool:
    """Whether a model can be built from it without network: its file is there, and the right one
    where a preset says which one that is."""
    path = Path(local_weights(source.name)) / "model.safetensors"
    return path.exists() and source.sha256 in (None, sha256_of_file(path))


def paper_sources(registry: Registry, profile: str = "paper") -> list[Source]:
    """Every distinct source that presets of a profile name."""
    found: dict[str, Source] = {}
    for method in registry.methods.values():
        for path in sorted(method.folder.glob(f"*-{profile}.yaml")):
            found |= {source.name: source for source in sources_in(read_yaml(path))}
    return list(found.values())


def fetch_weights(names: Sequence[str], profile: str, registry: Registry) -> int:
    """Download what is missing; the exit code is 1 when something could not be had."""
    sources = paper_sources(registry, profile)
    if names:
        known = {source.name: source for source in sources}
        sources = [known.get(name, Source(name)) for name in names]
    failed = 0
    for source in sources:
        if is_local(source):
            say(f"{source.name}: there already")
            continue
        say(f"{source.name}: downloading")
        try:
            try:
                _download(source)
            except WrongHash:  # of a file that the hub's own cache has had for long
                _download(source, force_download=True)
            say(f"{source.name}: in {local_weights(source.name)}")
        except (OSError, ValueError, RuntimeError) as error:
            failed += 1
            reason = str(error).splitlines()[0]
            say(f"{source.name}: not fetched: {reason}", style="red")
    return 1 if failed else 0


def _download(source: Source, **options: bool) -> None:
    from huggingface_hub import snapshot_download

    def download(*names: str) -> Path:
        asked: dict[str, Any] = {"revision": source.revision, "allow_patterns": [*names], **options}
        return Path(str(snapshot_download(source.name, **asked)))

    folder, hub = fetched_folder(source.name), download("config.json", "model.safetensors")
    with write_atomically(folder / "config.json") as temporary:
        shutil.copyfile(hub / "config.json", temporary)
    with write_atomically(folder / "model.safetensors") as temporary:
        if (hub / "model.safetensors").exists():
            shutil.copyfile(hub / "model.safetensors", temporary)
        else:  # not published in this format
            _convert(download("pytorch_model.bin") / "pytorch_model.bin", temporary)
        if source.sha256 is not None and (found := sha256_of_file(temporary)) != source.sha256:
            raise WrongHash(f"expected sha256 {source.sha256}, got {found}")


def _convert(old: Path, new: Path) -> None:
    import torch
    from safetensors.torch import save_file

    try:
        weights = torch.load(old, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ValueError(f"{old.name} holds more than tensors; it is not read") from error
    save_file({k: v.contiguous().clone() for k, v in weights.items()}, new, {"format": "pt"})


def sources_in(section: dict[str, Any]) -> Iterator[Source]:
    """Speech sections with a source, at any depth of a preset."""
    for name, value in section.items():
        if isinstance(value, dict):
            if name == "speech" and value.get("source"):
                yield Source(value["source"], value.get("revision"), value.get("sha256"))
            else:
                yield from sources_in(value)
