"""Reads what a method's folder says of it, beside its code and presets: method.yaml and README.md.

Both may be missing: a method from elsewhere then goes by its short name.
"""

from pathlib import Path

from bench.common.records import read_record
from bench.registry.methods import preset_folder
from bench.results import MethodFacts

FILE = "method.yaml"
OF_ORACLE = MethodFacts(label="ground truth, another take", order=1000, colour="#000000")


def facts_of(reference: str) -> MethodFacts:
    """The facts of ``module:Class``; "" is the oracle. Raises ValueError naming a wrong key."""
    if not reference:
        return OF_ORACLE
    folder = preset_folder(reference)
    path = folder / FILE
    facts = read_record(MethodFacts, path) if path.exists() else MethodFacts()
    about = facts.about or first_paragraph(folder / "README.md")
    return facts.model_copy(update={"about": about})


def first_paragraph(path: Path) -> str:
    """The first paragraph below the title of a Markdown file as plain text; "" without one."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    blocks = (block for block in text.split("\n\n") if not block.lstrip().startswith("#"))
    return " ".join(next(blocks, "").replace("`", "").split())
