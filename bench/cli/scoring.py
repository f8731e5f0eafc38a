"""`bench score`: all metrics over a folder of anyone's predictions, as a run's record.

No model is built and no dataset need be prepared; a few frames are in memory at a time.
"""

from collections.abc import Sequence
from itertools import groupby

from rich.progress import track

from bench.cli.options import ScoreOptions
from bench.cli.scores_table import print_scores
from bench.common.files import sha256_of, sha256_of_file
from bench.common.project import data_folder
from bench.common.terminal import console, say
from bench.dataset.card import Card, read_card
from bench.evaluation.clip_scores import sample_scores, samples_scores
from bench.evaluation.gathered import Gathered
from bench.evaluation.ground_truth import Files, GroundTruth, truth_of
from bench.evaluation.prediction_files import PredictionFile, list_predictions, read_vertices
from bench.metrics.diversity import numerical_floor
from bench.metrics.table import METRICS
from bench.results import ALL_STYLES, OWN_STYLE, MethodResults, RunResult, write_results

PROFILE = "scored from files"


def score_folder(options: ScoreOptions) -> int:
    """Score, print and save. Returns 0.

    Raises ValueError for files that are none, or that do not fit together.
    """
    if options.out is not None and options.out.is_dir():
        raise ValueError(f"--out {options.out}: expected a file's name, got a folder")
    card = read_card(options.dataset)
    predictions = list_predictions(options.pred, card)
    files = Files(options.gt, options.templates, options.regions, options.gt_fps)
    truth = truth_of(card, files, data_folder())
    results = _results(options, card, truth, predictions)
    print_scores(results)
    for name, origin in sorted(results.mask_origins.items()):
        say(f"mask {name}: {origin}, sha256 {results.masks[name][:12]}")
    if options.out is not None:
        write_results(options.out, results)
        say(f"written: {options.out}")
    return 0


def _results(
    options: ScoreOptions, card: Card, truth: GroundTruth, predictions: Sequence[PredictionFile]
) -> MethodResults:
    known = [file for file in predictions if file.clip in truth.clips]
    _say_unmatched(predictions, truth)
    known = _own_or_unseen(known, card, truth)
    if not known:
        raise ValueError(
            f"{options.pred}: no prediction has a ground truth; e.g. "
            f"{predictions[0].path.name} needs {predictions[0].clip}"
        )
    template = next(iter(truth.templates.values()))
    clips = {file.clip for file in known}
    return MethodResults(
        dataset=card.name,
        method=options.name or options.pred.resolve().name,
        profile=PROFILE,
        generated=False,
        unit=card.unit,
        unit_to_mm=card.unit_to_mm,
        deterministic=False,
        speech_encoder="not known: scored from files",
        masks=truth.mask_hashes,
        mask_origins=truth.mask_origins,
        mask_sizes={name: len(mask) for name, mask in truth.face.masks.items()},
        subject_scale_mm=card.subject_scale_mm,
        missing_clips=len(_expected(card) - clips),
        metric_versions={name: metric.version for name, metric in sorted(METRICS.items())},
        numerical_floor=numerical_floor(template),
        versions={},
        runs=(_run(known, truth),),
    )


def _own_or_unseen(
    files: Sequence[PredictionFile], card: Card, truth: GroundTruth
) -> list[PredictionFile]:
    """Without training and validation clips, and training subjects in another's style: no test
    split of the published rules has them."""
    splits = {clip: split for clip, (_, _, split) in card.expected().items()}
    trained = [f for f in files if splits.get(f.clip) in ("train", "val")]
    if trained:
        say(f"{len(trained)} predictions of training and validation clips, not scored", "yellow")
    files = [file for file in files if file not in trained]
    subjects = {file: truth.clips[file.clip].subject for file in files}
    kept = [f for f in files if subjects[f] == f.style or subjects[f] not in card.styles]
    if len(kept) < len(files):
        say(
            f"{len(files) - len(kept)} predictions of training subjects in another subject's "
            "style, not scored",
            "yellow",
        )
    return kept


def _run(files: Sequence[PredictionFile], truth: GroundTruth) -> RunResult:
    """Predictions in the subject's own style are test_a's, those of unseen subjects test_b's."""
    own, others = Gathered(), Gathered()
    most = 0
    groups = [(key, list(group)) for key, group in groupby(files, lambda f: (f.clip, f.style))]
    for (name, style), samples in track(groups, "scoring", console=console(), transient=True):
        clip = truth.clips[name]
        drawn = [read_vertices(file.path, truth.num_vertices) for file in samples]
        try:
            scores = sample_scores(truth.face, clip, drawn[0])
            if style == clip.subject:
                scores |= samples_scores(truth.face, clip, drawn)
                most = max(most, len(drawn))
        except ValueError as error:
            raise ValueError(f"{samples[0].path}, against {name}: {error}") from error
        (own if style == clip.subject else others).add(clip, style, scores, len(drawn[0]))
    splits = {}
    if own.records:
        splits["test_a"] = own.scores(OWN_STYLE)
    if others.records:
        splits["test_b"] = others.scores(ALL_STYLES, best_style=True)
    hashes = {file.path.name: sha256_of_file(file.path) for file in files}
    return RunResult(
        seed=0,
        status="done",
        keys={"files": sha256_of(hashes)},
        num_samples=max(most, 1),
        splits=splits,
    )


def _expected(card: Card) -> set[str]:
    """The test sequences of the published splits."""
    return {name for name, (_, _, split) in card.expected().items() if split.startswith("test")}


def _say_unmatched(predictions: Sequence[PredictionFile], truth: GroundTruth) -> None:
    predicted = {file.clip for file in predictions}
    for what, names in (
        ("predictions without ground truth, not scored", predicted - truth.clips.keys()),
        ("clips of the ground truth without a prediction", truth.clips.keys() - predicted),
    ):
        if names:
            shown = ", ".join(sorted(names)[:5]) + (", ..." if len(names) > 5 else "")
            say(f"{len(names)} {what}: {shown}", "yellow")
