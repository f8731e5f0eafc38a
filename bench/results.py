"""The results files that tables and pages are made of: one small JSON per dataset and method.

They hold scores, keys and what the numbers mean; no times and no machine facts, so the same work
gives the same bytes. Missing is None with a reason, never a number.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from bench.common.files import read_json, write_json
from bench.common.records import Frozen

COLLAPSE = 0.3  # of a codebook's size: with a smaller perplexity it counts as collapsed
SCHEMA = 4
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: lambda document: {**document, "schema_version": 2},  # 2 adds RunResult.codebooks
    2: lambda document: {**document, "schema_version": 3},  # 3 adds where masks and scales are from
    3: lambda document: _with_checkpoints(document),  # 4 takes files out of keys, and adds facts
}
"""From a schema version to the next one: a function from the old document to the new."""


class ClipScore(Frozen):
    """A metric on one sequence; its value is total / weight."""

    clip: str
    subject: str
    style: str  # the training subject that conditioned the prediction
    total: float
    weight: float  # frames or 1, by the metric's pooling; 0 means nothing to score


class MetricScore(Frozen):
    """A metric on one split."""

    value: float | None  # pooled as the metric says; None: nothing to score
    clips: tuple[ClipScore, ...]


OWN_STYLE, ALL_STYLES = "own style", "all training styles"


class SplitScores(Frozen):
    """All metrics of one split, and the rule that chose the conditioning style."""

    conditioning: str  # OWN_STYLE | ALL_STYLES: a metric is then the mean over them
    frames_scored: int
    frames_cut: int  # ground-truth frames beyond the end of the prediction, or the reverse
    metrics: dict[str, MetricScore]
    best_style: dict[str, float | None] = {}  # per metric: value with each clip's best style


class Listening(Frozen):
    """LVE with the clip's own audio beside LVE with another sentence's audio, same frames."""

    own: float  # LVE, in unit^2
    other: float  # LVE, in unit^2
    ratio: float | None  # other / own


class Heatmap(Frozen):
    """Tells how motion is spread over the face, averaged over the test_a clips."""

    mouth_share: float | None  # of the motion variance inside the mouth mask; None: no motion
    ground_truth_mouth_share: float | None
    correlation: float | None  # of the std maps of prediction and ground truth, over vertices


class EpochCodes(Frozen):
    """Tells how a codebook was used while the training clips went by once."""

    epoch: int  # 1, 2, ...
    usage: float  # share of the entries that were chosen at least once
    perplexity: float  # exp(entropy) of the choices: entries in effective use


class Codebook(Frozen):
    """Health of a stage that learns discrete codes; one that collapses must be seen."""

    size: int  # entries
    usage: float  # of the validation clips, all together, at the end of training
    perplexity: float  # likewise
    validation: dict[str, float]  # the stage's other validation terms at the end of training
    epochs: tuple[EpochCodes, ...]  # of the training clips

    @property
    def collapsed(self) -> bool:
        """Whether too few entries do all the work: a line of ours, no one's definition."""
        return self.perplexity < COLLAPSE * self.size


class RunResult(Frozen):
    """One seed of one method on one dataset."""

    seed: int
    status: Literal["done", "failed", "skipped"]
    reason: str = ""  # of a failed or skipped run, one line
    keys: dict[str, str] = {}  # step name -> cache key
    checkpoints: dict[str, str] = {}  # of imported weights: role -> SHA-256 of its file
    num_samples: int = 0
    splits: dict[str, SplitScores] = {}
    listening: Listening | None = None
    heatmap: Heatmap | None = None
    codebooks: dict[str, Codebook] = {}  # stage -> health, for stages with discrete codes

    def value(self, split: str, metric: str) -> float | None:
        """A pooled score, or None where there is none."""
        scores = self.splits.get(split)
        found = scores.metrics.get(metric) if scores else None
        return found.value if found else None


class MethodFacts(Frozen):
    """Holds what method.yaml and README of a folder say of a method, for tables and pages."""

    label: str = ""  # what a reader calls it; "": its short name
    order: int = 500  # from the top of the tables; equal ones by their short names
    colour: str = Field("", pattern=r"^(#[0-9a-f]{6})?$")  # of its lines; "": one of the pictures'
    floor: bool = False  # a trained method has to beat it; it is held to no line of the checks
    about: str = ""  # a paragraph; "": the first one of the README
    paper: str = ""
    paper_url: str = ""
    code_url: str = ""  # of the published code
    licence: str = ""  # of the published code


def row_name(method: str, variant: str) -> str:
    """The name of a row of the tables; a method's default variant has none of its own."""
    return method if variant == "default" else f"{method}-{variant}"


class RowHead(Frozen):
    """Names a row of the tables on one dataset, and says how it came about."""

    dataset: str
    method: str  # or "oracle": another take of the same sentence, where the data has takes
    variant: str = "default"
    facts: MethodFacts = MethodFacts()
    profile: str
    deterministic: bool
    speech_encoder: str  # what the rows must name; "none" for a method that hears nothing

    @property
    def row(self) -> str:
        """The row's name, which its files have too."""
        return row_name(self.method, self.variant)


class MethodResults(RowHead):
    """Everything a table needs to know about a method on a dataset."""

    schema_version: int = SCHEMA
    generated: bool  # the dataset is generated: nothing here reproduces a paper
    unit: str
    unit_to_mm: float | None
    masks: dict[str, str]  # mask name -> sha256
    mask_origins: dict[str, str] = {}  # mask name -> which file, or which formula, in one line
    mask_sizes: dict[str, int] = {}  # mask name -> vertices
    subject_scale_mm: dict[str, float] = {}  # approximate millimetres per unit, by subject
    missing_clips: int = 0  # sequences that the splits expect and that the data lacks
    metric_versions: dict[str, int]
    numerical_floor: float  # mean size of one float32 step of the vertices, in the unit
    versions: dict[str, str]  # library versions the runs were made with; a mixture is flagged
    runs: tuple[RunResult, ...]

    @property
    def shown_split(self) -> str:
        """test_a; test_b where that is all there is (no test subject has a style of its own)."""
        splits = {name for run in self.runs for name in run.splits if run.splits[name].metrics}
        return "test_b" if splits == {"test_b"} else "test_a"


class Skipped(Frozen):
    """In place of the results, or of the plan, of a row on a dataset that is absent."""

    schema_version: int = SCHEMA
    dataset: str
    skipped: str  # why, one line


class VariantNames(Frozen):
    """The names of one variant of an ablation, as its file has them."""

    variant: str
    label: str
    remark: str  # what the row is, where its name does not say it
    paper: str  # row of the paper's table; "": it has none


class AblationRow(VariantNames):
    """One variant with its results."""

    results: MethodResults


class AblationNames(Frozen):
    """Which ablation, of which method, on which dataset, and what its file says about it."""

    dataset: str
    method: str
    name: str  # of the ablation's file
    description: str
    paper: str  # the paper's table, "table4"; "": none
    reference: str  # the variant that the others are compared with; "": none

    @property
    def row(self) -> str:
        """``method-ablation``, which its files are named by."""
        return f"{self.method}-{self.name}"


class AblationResults(AblationNames):
    """The rows of one ablation on one dataset, in the order of its file."""

    schema_version: int = SCHEMA
    rows: tuple[AblationRow, ...]


def write_results(path: Path, results: MethodResults | AblationResults) -> None:
    """Write one results file."""
    write_json(path, results.model_dump(mode="json"))


def read_results(path: Path) -> MethodResults:
    """Read a results file, migrating an older schema. Raises ValueError naming the file."""
    return _validated(MethodResults, migrate(read_json(path), str(path)), path)


def read_ablation(path: Path) -> AblationResults:
    """Read an ablation's results file, as :func:`read_results` does."""
    document = migrate(read_json(path), str(path))
    rows = [{**row, "results": migrate(row["results"], str(path))} for row in document["rows"]]
    return _validated(AblationResults, {**document, "rows": rows}, path)


def _validated(record: type[Any], document: dict[str, Any], path: Path) -> Any:
    try:
        return record.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {place}: {first['msg']}; run: dvc repro") from error


def migrate(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The document in today's schema. Raises ValueError for a version that is not known."""
    version = document.get("schema_version")
    while version != SCHEMA:
        if version not in MIGRATIONS:
            raise ValueError(
                f"{name}: results schema {version!r} is not known; this suite reads up to {SCHEMA}"
            )
        document = MIGRATIONS[version](document)
        version = document["schema_version"]
    return document


def _with_checkpoints(document: dict[str, Any]) -> dict[str, Any]:
    """Schema 3 had the files of imported weights among the keys, before the steps."""
    steps = ("import", "predict", "evaluate")
    runs = document.get("runs", [])
    for run in runs if document.get("variant") == "imported" else ():
        keys = run.get("keys", {})
        run["checkpoints"] = {name: key for name, key in keys.items() if name not in steps}
        run["keys"] = {name: key for name, key in keys.items() if name in steps}
    return {**document, "schema_version": 4}
