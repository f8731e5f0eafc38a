"""How far apart the seeds of a row lie on the validation clips.

A training that fails now and then shows here: its failed seed lies far above the others. Losses do
not serve: a teacher-forced one does not see what a method makes of its own output, and one on
latents has another scale with each first stage. So each seed's weights predict every validation
clip in its own style, and the LVE of Table 1 is compared. Nothing is chosen by it.

Units    LVE in unit^2, unit being the dataset's length unit.
"""

from collections.abc import Collection

import torch

from bench.dataset.reader import Dataset
from bench.evaluation.clip_scores import Face, sample_scores
from bench.evaluation.gathered import Gathered
from bench.evaluation.predict import Request, make_noise, no_noise, predict_one
from bench.method import Method
from bench.pipeline.planner import Session
from bench.pipeline.trained import trained_by_key
from bench.results import OWN_STYLE, MethodResults
from bench.training.batches import under_all_styles

MOST_APART = 0.25  # of the lowest LVE
SAMPLES = 10  # of a method that draws: their mean tells of the weights, not of one draw


def spread(values: Collection[float]) -> float:
    """How far the highest value lies above the lowest, as a share of the lowest."""
    return max(values) / min(values) - 1


def validation_lves(results: MethodResults, session: Session) -> dict[int, float]:
    """Seed -> LVE on validation, of the row's runs that were trained; none without such clips.

    Raises ValueError for a run whose steps are not in the cache.
    """
    dataset, found = session.dataset(results.dataset), {}
    for run in results.runs:
        if any(step.startswith("train/") for step in run.keys):
            method = trained_by_key(run.keys["predict"], session).build(dataset)
            value = validation_lve(method, dataset, results.deterministic, run.seed)
            if value is not None:
                found[run.seed] = value
    return found


@torch.no_grad()
def validation_lve(
    method: Method, dataset: Dataset, deterministic: bool, seed: int
) -> float | None:
    """LVE in unit^2 over the validation clips, or None where there are none.

    A clip without a style of its own is predicted in every training style. Of a method that draws,
    the mean over samples, drawn as predictions are.
    """
    face, gathered, styles = Face.of(dataset), Gathered(), dataset.spec.styles
    method.eval()
    for clip in under_all_styles(dataset.clips("val"), len(styles)):
        assert clip.style is not None  # under_all_styles gives each one
        style = styles[clip.style]
        noise = no_noise if deterministic else make_noise(seed, clip.name, style)
        drawn = 1 if deterministic else SAMPLES
        request = Request("val", clip, clip.style, clip, drawn, num_kept=0)
        for prediction in predict_one(method, dataset.spec, request, noise, torch.device("cpu")):
            gathered.add(clip, style, sample_scores(face, clip, prediction), len(prediction))
    lve = gathered.scores(OWN_STYLE).metrics.get("lve")
    return lve.value if lve else None
