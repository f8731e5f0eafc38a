"""Names, order and standing sentences of everything that reports print."""

from bench.registry.rows import DEFAULT, ORACLE, row_name
from bench.results import MethodResults

GROUND_TRUTH = "ground_truth"  # of maps, heads and ratings, as a row of the tables is named
SMALL = "synthetic"  # the generated dataset with the small mesh
SPLIT = "test_a"


def label(results: MethodResults) -> str:
    """Name a row for a reader; a variant that is not the default is named too."""
    name = method_label(results)
    return name if results.variant == DEFAULT else f"{name} ({results.variant})"


def method_label(results: MethodResults) -> str:
    """Name a row's method for a reader."""
    return results.facts.label or results.method


def row_of(results: MethodResults) -> str:
    """The row's name, which commands take and files have: ``meshtalk-argmax``."""
    return row_name(results.method, results.variant)


def is_trained(results: MethodResults) -> bool:
    """Whether a row is held to the checks: neither a floor nor the ground truth."""
    return not results.facts.floor and results.method != ORACLE


def checkpoints(results: MethodResults) -> dict[str, str]:
    """Role -> SHA-256 of the files that an imported row's weights came from; else nothing."""
    return {role: sha256 for run in results.runs for role, sha256 in run.checkpoints.items()}


def place(results: MethodResults) -> tuple[int, str, bool, str]:
    """Sort key: the methods' own order, a method before its variants."""
    variant = results.variant
    return results.facts.order, results.method, variant != DEFAULT, variant


def data_sentence(results: MethodResults) -> str:
    """Say in plain words what the numbers of a dataset are; opens every caption."""
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
    """Say what no difference on this data can show; to be read after a semicolon."""
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
    """The exact command that makes one run again, whatever profile is the default by then."""
    if results.method == ORACLE:
        return "dvc repro"
    return (
        f"python -m bench.run --method {row_of(results)} --dataset {results.dataset} "
        f"--profile {results.profile} --seed {seed}"
    )
