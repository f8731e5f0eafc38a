"""The ceiling: another take of the same sentence, scored as if it were a prediction.

Its Diversity is the ground truth's, over all takes. Writes the same files as an evaluation, with
the ground truth's own std maps.
"""

from pathlib import Path

from bench.common.files import write_arrays, write_json
from bench.dataset.reader import Dataset
from bench.evaluation.clip_scores import Face, sample_scores, samples_scores
from bench.evaluation.gathered import Gathered
from bench.metrics.heatmap import motion_std
from bench.metrics.lip import lip_error
from bench.metrics.table import METRICS


def evaluate_oracle(dataset: Dataset, folder: Path) -> None:
    """Score take 1 of every clip that has takes; clips without any are left out.

    The std maps are there for all clips that figures show.
    """
    face, gathered = Face.of(dataset), Gathered()
    maps, errors = {}, {}
    for clip in dataset.shown_clips():
        maps[clip.name] = motion_std(clip.motion, clip.template.numpy())
        takes = dataset.takes(clip)
        if len(takes) < 2:
            continue
        others = [take.motion for take in takes[1:]]
        scores = sample_scores(face, clip, others[0])
        against = samples_scores(face, clip, others)
        among = samples_scores(face, clip, [take.motion for take in takes])
        scores |= {k: among[k] if k.startswith("diversity") else v for k, v in against.items()}
        gathered.add(clip, clip.subject, scores, clip.num_frames)
        errors[clip.name] = lip_error(face.sample(clip, others[0]), METRICS["lve"].mask)
    split = gathered.scores("another take").model_dump(mode="json")
    write_arrays(folder / "motion_std.npz", maps)
    write_arrays(folder / "lip_error.npz", errors)
    document = {
        "splits": {"test_a": split} if gathered.records else {},
        "listening": None,
        "heatmap": None,
    }
    write_json(folder / "scores.json", document)
