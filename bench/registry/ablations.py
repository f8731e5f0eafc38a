"""Ablations are data: a YAML file of named variants, each a list of preset overrides.

``methods/<method>/ablations/<name>.yaml``, or any file given by its path:

    description: what is varied
    reference: k9-d2-l4                # the variant that a table compares the others with
    paper: table4                      # the paper's table, if it has one
    variants:
      k5-d1-l4:
        set: [model.autoencoder.kernel_size=5, model.autoencoder.dilation=1]
        paper: kernel5_dilation1_layers4     # the row of that table
      k9-d2-l4: {}                     # the preset itself: a run that is there is not done again
      other: {row: facediffuser}       # another row of the tables in place of overrides
"""

import re
from pathlib import Path

from pydantic import Field, ValidationError, field_validator, model_validator

from bench.common.errors import unknown
from bench.common.records import Frozen, read_yaml

NAME = r"[\w][\w.-]*"
RESERVED = ("default", "imported")  # rows that every method has


class Variant(Frozen):
    """One row of an ablation: the preset with overrides, or another row of the tables."""

    set: tuple[str, ...] = ()
    row: str = ""
    label: str = ""  # how a table names it; "": by the variant's name
    remark: str = ""  # what the row is, where its name does not say it
    paper: str = ""  # row of the paper's table

    @model_validator(mode="after")
    def _one_of_two(self) -> "Variant":
        if self.set and self.row:
            raise ValueError("expected set or row, got both; another row has its own preset")
        return self


class Ablation(Frozen):
    """Named variants of one method."""

    description: str
    paper: str = ""  # the paper's table, e.g. table4
    reference: str = ""  # the variant that the others are compared with
    variants: dict[str, Variant] = Field(min_length=1)

    @field_validator("variants")
    @classmethod
    def _names(cls, variants: dict[str, Variant]) -> dict[str, Variant]:
        for name in variants:
            if name in RESERVED or not re.fullmatch(NAME, name):
                raise ValueError(
                    f"a variant cannot be called {name!r}: expected letters, digits, '.', '_' and "
                    f"'-', and none of {', '.join(RESERVED)}"
                )
        return variants

    @model_validator(mode="after")
    def _reference_is_there(self) -> "Ablation":
        if self.reference and self.reference not in self.variants:
            raise unknown("reference", self.reference, self.variants)
        return self


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
        raise ValueError(f"{path}: {place and f'{place}: '}{problem['msg']}") from error
