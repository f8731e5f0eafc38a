"""The table of metrics: what each computes, and all that a reader of its number must know."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from bench.common.errors import unknown
from bench.metrics.diversity import ce, diversity, mee
from bench.metrics.dynamics import fdd, fdd_abs, velocity_error
from bench.metrics.face import mve
from bench.metrics.lip import lve, lve_l2
from bench.metrics.mouth import mouth_opening_correlation, mouth_opening_error
from bench.metrics.sample import Sample, Samples, Score


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One row of the table: what is computed, and everything a reader of the number must know."""

    name: str
    title: str  # column heading
    phrase: str  # what it measures, to be read inside a sentence
    description: str  # one sentence
    function: Callable[..., Score]  # of a sample, and of the mask if there is one
    mask: str | None = None  # region; None: the whole face, or a metric that has no region
    unit: str  # "unit" is the dataset's length unit; squares are named: unit^2
    better: Literal["lower", "higher", "zero", "none"]
    pooling: Literal["frames", "clips"]
    needs: Literal["sample", "samples"] = "sample"
    source: str
    version: int = 1  # raise it when a number changes: predictions are drawn and scored again


# kinds of which there are several
_lip_error = partial(Metric, mask="mouth", unit="unit^2", better="lower")
_variety = partial(Metric, function=diversity, unit="unit", pooling="clips", needs="samples")

METRICS: dict[str, Metric] = {
    "lve": _lip_error(
        name="lve",
        title="LVE",
        phrase="lip error",
        description="Mean over all frames of the largest squared vertex distance in the mouth.",
        function=lve,
        pooling="frames",
        source="metric script of CodeTalker (Xing et al. 2023), as FaceDiffuser's",
    ),
    "lve_clip_average": _lip_error(
        name="lve_clip_average",
        title="LVE (clip average)",
        phrase="lip error averaged per clip",
        description="LVE with every clip weighing the same, however long it is.",
        function=lve,
        pooling="clips",
        source="metric of DiffSpeaker, which pools clips",
    ),
    "lve_l2": Metric(
        name="lve_l2",
        title="LVE (L2)",
        phrase="lip error as a length",
        description="Mean over all frames of the largest vertex distance in the mouth.",
        function=lve_l2,
        mask="mouth",
        unit="unit",
        better="lower",
        pooling="frames",
        source="prose of the LVE definition; UniTalker computes it so",
    ),
    "fdd": Metric(
        name="fdd",
        title="FDD",
        phrase="missing upper-face dynamics",
        description="Std over time of the squared norm of upper-face motion, ground truth minus "
        "prediction, averaged over vertices; positive where the prediction moves too little.",
        function=fdd,
        mask="upper_face",
        unit="unit^2",
        better="zero",
        pooling="clips",
        source="metric script of CodeTalker (Xing et al. 2023)",
    ),
    "fdd_abs": Metric(
        name="fdd_abs",
        title="|FDD|",
        phrase="upper-face dynamics error",
        description="FDD with the absolute value of each clip, so that signs cannot cancel.",
        function=fdd_abs,
        mask="upper_face",
        unit="unit^2",
        better="lower",
        pooling="clips",
        source="metric script of FaceDiffuser (Stan et al. 2023)",
    ),
    "mve": Metric(
        name="mve",
        title="MVE",
        phrase="face error",
        description="Mean vertex distance over all vertices and all frames.",
        function=mve,
        unit="unit",
        better="lower",
        pooling="frames",
        source="metric script of FaceDiffuser (Stan et al. 2023)",
    ),
    "velocity_error": Metric(
        name="velocity_error",
        title="Velocity error",
        phrase="velocity error",
        description="Mean length of the difference of vertex velocities, over vertices and frames.",
        function=velocity_error,
        unit="unit/s",
        better="lower",
        pooling="frames",
        source="this project",
    ),
    "mouth_opening_error": Metric(
        name="mouth_opening_error",
        title="Mouth opening error",
        phrase="mouth-opening error",
        description="Mean absolute difference of the distance between the mid-lip vertices.",
        function=mouth_opening_error,
        unit="unit",
        better="lower",
        pooling="frames",
        source="this project",
    ),
    "mouth_opening_correlation": Metric(
        name="mouth_opening_correlation",
        title="Mouth opening r",
        phrase="mouth-opening correlation",
        description="Pearson correlation over time of the distance between the mid-lip vertices; "
        "missing for a clip where it is constant.",
        function=mouth_opening_correlation,
        unit="1",
        better="higher",
        pooling="clips",
        source="this project",
    ),
    "diversity": _variety(
        name="diversity",
        title="Diversity",
        phrase="diversity",
        description="Mean vertex distance between two predictions for the same audio, over all "
        "unordered pairs.",
        better="higher",
        source="distance of FaceDiffuser (Stan et al. 2023), over pairs of noise samples",
    ),
    "diversity_lips": _variety(
        name="diversity_lips",
        title="Diversity (lips)",
        phrase="diversity of the lips",
        description="Diversity of the lip vertices; the audio fixes most of their motion.",
        mask="lips",
        better="none",
        source="diversity, on a region",
    ),
    "diversity_upper": _variety(
        name="diversity_upper",
        title="Diversity (upper face)",
        phrase="diversity of the upper face",
        description="Diversity of the upper-face vertices, which the audio leaves mostly open.",
        mask="upper_face",
        better="none",
        source="diversity, on a region",
    ),
    "mee": _lip_error(
        name="mee",
        title="MEE",
        phrase="error of the mean prediction",
        description="Mean estimate error: LVE of the mean of the predictions.",
        function=mee,
        pooling="frames",
        needs="samples",
        source="metric script of ProbTalk3D",
    ),
    "ce": _lip_error(
        name="ce",
        title="CE",
        phrase="error of the closest prediction",
        description="Coverage error: LVE of the prediction closest to the ground truth.",
        function=ce,
        pooling="frames",
        needs="samples",
        source="metric script of ProbTalk3D",
    ),
}


def score(name: str, sample: Sample | Samples) -> Score:
    """One metric on one clip, in the metric's unit.

    Raises ValueError for an unknown metric, a sample of the wrong kind, a mask that the clip lacks,
    or frames that are not finite or of another size than the template.
    """
    metric = _metric(name)
    wanted = Sample if metric.needs == "sample" else Samples
    if not isinstance(sample, wanted):
        raise ValueError(f"{name} needs a {wanted.__name__}, got a {type(sample).__name__}")
    return metric.function(sample) if metric.mask is None else metric.function(sample, metric.mask)


def pool(name: str, scores: Iterable[Score]) -> float | None:
    """One number for many clips, or None if no clip had anything to score.

    "frames": sum of totals / sum of weights; "clips": mean of the clips' values. Clips without a
    value are left out: whoever prints the number counts them.
    Raises ValueError for an unknown metric.
    """
    metric = _metric(name)
    scored = [each for each in scores if each.weight > 0]
    if not scored:
        return None
    if metric.pooling == "frames":
        return math.fsum(each.total for each in scored) / math.fsum(each.weight for each in scored)
    return math.fsum(each.total / each.weight for each in scored) / len(scored)


def _metric(name: str) -> Metric:
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]
