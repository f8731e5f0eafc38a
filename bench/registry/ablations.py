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

from pydantic import Field, field_validator, model_validator

from bench.common.errors import unknown
from bench.common.records import Frozen, read_record

NAME = r"[\w][\w.-]*"
DEFAULT, IMPORTED = "default", "imported"  # rows that every method has: no variant's names


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
            if name in (DEFAULT, IMPORTED) or not re.fullmatch(NAME, name):
                raise ValueError(
                    f"a variant cannot be called {name!r}: expected letters, digits, '.', '_' and "
                    f"'-', and none of {DEFAULT}, {IMPORTED}"
                )
        return variants

    @model_validator(mode="after")
    def _reference_is_there(self) -> "Ablation":
        if self.reference and self.reference not in self.variants:
            raise unknown("reference", self.reference, self.variants)
        return self

    def pick(self, variant: str | None) -> dict[str, Variant]:
        """All variants, or the named one. Raises ValueError for an unknown one."""
        if variant is None:
            return self.variants
        if variant not in self.variants:
            raise unknown("variant", variant, self.variants)
        return {variant: self.variants[variant]}


def ablation_files(folder: Path) -> dict[str, Ablation]:
    """The ablations of a method's folder by name. Raises ValueError for a file that is none."""
    paths = sorted((folder / "ablations").glob("*.yaml"))
    return {path.stem: read_record(Ablation, path) for path in paths}
