"""The seeds of a row are compared by what their weights predict of the validation clips."""

import numpy as np
import pytest
import torch

from bench.checks.seeds import SAMPLES, spread, validation_lve, validation_lves
from bench.cli.options import RunOptions
from bench.cli.run_methods import run_methods
from bench.collect.results import results_of
from bench.evaluation.clip_scores import Face
from bench.evaluation.predict import make_noise
from bench.metrics.lip import lip_error
from bench.pipeline.planner import Choice, Session
from bench.pipeline.trained import trained_by_key

SEEDS = (0, 1)


@pytest.fixture
def session(project, table):
    return Session(Choice(device="cpu"), table)


@pytest.fixture
def trained(session, table):
    """A function: a row's results under two seeds."""

    def train(row):
        asked = RunOptions(methods=(row,), seeds=SEEDS, device="cpu", workers=0)
        assert run_methods(asked, table) == 0
        return results_of(session, session.plan(row, "toy", SEEDS))

    return train


def test_the_spread_is_a_share_of_the_lowest():
    assert spread([5.0, 4.0, 4.4]) == pytest.approx(0.25)
    assert spread([4.0]) == 0


def test_lve_is_of_the_validation_clips_in_their_own_style_and_the_mean_of_ten_samples(
    trained, session, toy
):
    results = trained("talker")
    method = trained_by_key(results.runs[1].keys["predict"], session).build(toy).eval()
    errors = []
    for clip in toy.clips("val"):
        noise = make_noise(1, clip.name, toy.spec.styles[clip.style])
        asked = (clip.audio, clip.template, clip.style, clip.num_frames, SAMPLES, noise)
        with torch.no_grad():
            samples = method.predict(*asked)
        errors += [
            lip_error(Face.of(toy).sample(clip, sample.numpy()), "mouth") for sample in samples
        ]
    assert SAMPLES == 10
    lves = validation_lves(results, session)
    assert lves[1] == pytest.approx(np.concatenate(errors).mean(), rel=1e-6)
    assert lves[0] != lves[1]


def test_a_training_that_failed_lies_far_from_the_other(trained, session, toy):
    results = trained("talker")
    good = validation_lves(results, session)
    method = trained_by_key(results.runs[1].keys["predict"], session).build(toy)
    with torch.no_grad():
        for weight in method.parameters():
            weight.mul_(30)
    failed = validation_lve(method, toy, False, 1)
    assert spread([good[0], failed]) > spread(good.values()) + 1


def test_runs_that_train_nothing_have_no_value(trained, session):
    results = trained("still")
    untrained = results.model_copy(
        update={"runs": tuple(run.model_copy(update={"keys": {}}) for run in results.runs)}
    )
    assert validation_lves(untrained, session) == {}


def test_a_dataset_without_validation_clips_has_no_value(trained, session, own_data, toy):
    method = trained_by_key(trained("talker").runs[0].keys["predict"], session).build(toy)

    def drop(manifest):
        manifest["clips"] = [clip for clip in manifest["clips"] if clip["split"] != "val"]

    own_data.edit_manifest(drop)
    without = Session(session.choice, session.registry).dataset("toy")
    assert validation_lve(method, without, False, 0) is None
