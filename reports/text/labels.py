"""Names, order and standing sentences of everything that reports print."""

from bench.registry.rows import DEFAULT, row_name
from bench.results import MethodResults

REFERENCE = "gldi"
"""The row that all others are compared with."""

LABELS = {
    "template": "template (neutral face)",
    "mean": "mean motion",
    "ridge": "ridge regression",
    "voca": "VOCA",
    "meshtalk": "MeshTalk",
    "faceformer": "FaceFormer",
    "codetalker": "CodeTalker",
    "facediffuser": "FaceDiffuser",
    "gldi": "GLDiTalker",
    "oracle": "ground truth, another take",
}
"""Method name -> what a reader calls it, in the order of the tables."""

FLOORS = ("template", "mean", "ridge")
"""Methods that a trained model has to beat; no line is drawn for them."""

ORACLE = "oracle"
GROUND_TRUTH = "ground_truth"  # of maps, heads and ratings, as a row of the tables is named
SMALL = "synthetic"  # the generated dataset with the small mesh
SPLIT = "test_a"


def label(results: MethodResults) -> str:
    """What a reader calls a row; a variant that is not the default is named."""
    name = LABELS.get(results.method, results.method)
    return name if results.variant == DEFAULT else f"{name} ({results.variant})"


def row_of(results: MethodResults) -> str:
    """The row's name, which commands take and files have: ``meshtalk-argmax``."""
    return row_name(results.method, results.variant)


def checkpoints(results: MethodResults) -> dict[str, str]:
    """Role -> SHA-256 of the files that an imported row's weights came from; else nothing."""
    return {role: sha256 for run in results.runs for role, sha256 in run.checkpoints.items()}


def place(results: MethodResults) -> tuple[float, str, bool, str]:
    """Sort key: the order of LABELS, a method before its variants.

    Methods from elsewhere come just before the oracle.
    """
    order = list(LABELS)
    known = results.method in order
    rank = order.index(results.method) if known else order.index(ORACLE) - 0.5
    return float(rank), results.method, results.variant != DEFAULT, results.variant


def data_sentence(results: MethodResults) -> str:
    """What the numbers of a dataset are, in plain words; opens every caption."""
    if results.generated:
        return (
            f"Generated data: every number comes from the generated dataset {results.dataset}; "
            "nothing here reproduces the paper."
        )
    return f"Dataset {results.dataset}."


def sentences(*texts: str) -> str:
    """Those that say something, one after the other."""
    return " ".join(text for text in texts if text)


def limits_sentence(results: MethodResults) -> str:
    """What no difference on this data can show; to be read after a semicolon."""
    if results.generated:
        return "on generated data this says nothing about real speech or about the paper's claims"
    if results.profile != "paper":
        return f"with profile {results.profile} this says nothing about the paper's sizes"
    return "a difference that is not shown may still exist"


def ablation_caveat(results: MethodResults) -> str:
    """Why an ablation on generated data cannot speak for the paper's; "" on real data."""
    if not results.generated:
        return ""
    made = "A small mesh of about 1.3k vertices and low-rank motion are"
    other = "Generated motion is"
    return f"{made if results.dataset == SMALL else other} no evidence about the paper's claim."


def rerun_command(results: MethodResults, seed: int) -> str:
    """The exact command that makes one run again."""
    if results.method == ORACLE:
        return "dvc repro"
    words = ["python -m bench.run", f"--method {row_of(results)}", f"--dataset {results.dataset}"]
    if results.profile != "mini":
        words.append(f"--profile {results.profile}")
    return " ".join([*words, f"--seed {seed}"])
