"""The ceiling: another take of the same sentence, scored as if it were a prediction.

Its Diversity is the ground truth's, over all takes. Writes the same files as an evaluation, with
the ground truth's own std maps.
"""

from collections import defaultdict
from pathlib import Path

from bench.common.files import write_arrays, write_json
from bench.dataset.reader import Dataset
from bench.evaluation.clip_scores import Face, sample_scores, samples_scores, to_metric, to_record
from bench.metrics.heatmap import motion_std
from bench.metrics.lip import lip_error
from bench.results import ClipScore, SplitScores


def evaluate_oracle(dataset: Dataset, folder: Path) -> None:
    """Score take 1 of every clip that has takes; clips without any are left out.

    The std maps are there for all clips that figures show.
    """
    face = Face.of(dataset)
    records: dict[str, list[ClipScore]] = defaultdict(list)
    frames, maps, errors = 0, {}, {}
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
        for name, value in scores.items():
            records[name].append(to_record(clip, clip.subject, value))
        frames += clip.num_frames
        errors[clip.name] = lip_error(face.sample(clip, others[0]))
    split = SplitScores(
        conditioning="another take",
        frames_scored=frames,
        frames_cut=0,
        metrics={name: to_metric(name, found) for name, found in sorted(records.items())},
    )
    write_arrays(folder / "motion_std.npz", maps)
    write_arrays(folder / "lip_error.npz", errors)
    document = {
        "splits": {"test_a": split.model_dump(mode="json")} if records else {},
        "listening": None,
        "heatmap": None,
    }
    write_json(folder / "scores.json", document)
