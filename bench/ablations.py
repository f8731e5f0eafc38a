"""Ablations are data: a YAML file of named variants, each a list of preset overrides.

``methods/<method>/ablations/<name>.yaml``, or any file given by its path:

    description: what is varied
    variants:
      k5-d1-l4: {set: [model.autoencoder.kernel_size=5, model.autoencoder.dilation=1]}
"""

from pathlib import Path

from pydantic import ValidationError

from bench.config import Frozen, read_yaml
from bench.names import unknown


class Variant(Frozen):
    """One row of an ablation."""

    set: tuple[str, ...] = ()
    label: str = ""  # how a table names it


class Ablation(Frozen):
    """Named variants of one method."""

    description: str
    variants: dict[str, Variant]


def ablation_files(folder: Path) -> dict[str, Ablation]:
    """The ablations of a method's folder by name. Raises ValueError for a file that is none."""
    return {path.stem: _read(path) for path in sorted((folder / "ablations").glob("*.yaml"))}


def find_ablation(folder: Path, name: str) -> Ablation:
    """An ablation by name, or by the path of a file. Raises ValueError for an unknown one."""
    if name.endswith((".yaml", ".yml")):
        return _read(Path(name))
    known = ablation_files(folder)
    if name not in known:
        raise unknown(f"ablation of {folder.name}", name, known)
    return known[name]


def pick(ablation: Ablation, variant: str | None) -> dict[str, Variant]:
    """All variants, or the named one. Raises ValueError for an unknown one."""
    if variant is None:
        return ablation.variants
    if variant not in ablation.variants:
        raise unknown("variant", variant, ablation.variants)
    return {variant: ablation.variants[variant]}


def _read(path: Path) -> Ablation:
    try:
        return Ablation.model_validate(read_yaml(path))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ValueError(f"{path}: {place}: {problem['msg']}") from error
