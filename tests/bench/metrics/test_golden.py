"""The published metric scripts' numbers on formula-defined arrays of BIWI-Test-A size."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.metrics import Sample, Samples
from bench.metrics.table import pool, score

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "metrics.json").read_text())
RULE = GOLDEN["case_1"]["rule"]
V = RULE["vertices"]
LIP = np.arange(2, V, 5)
UPPER = np.setdiff1d(np.arange(7, V, 3), LIP)
NAMES = ("lve", "lve_clip_average", "fdd", "fdd_abs", "mve")


def golden_samples(noise):
    """The rule's clips: subject i, sentence j, prediction noise noise(i, j)."""
    for i, _ in enumerate(RULE["subjects"]):
        template = np.random.RandomState(1000 + i).standard_normal((V, 3)) * 0.2
        for j, _ in enumerate(RULE["sentences"]):
            truth = np.random.RandomState(2000 + 10 * i + j).standard_normal((3 + j, V, 3))
            drawn = np.random.RandomState(3000 + 10 * i + j).standard_normal((4 + j, V, 3))
            prediction = (template + drawn * noise(i, j)).astype(np.float32)
            masks = {"mouth": LIP, "upper_face": UPPER}
            yield Sample(template + truth * 0.01, prediction, template, masks, None, 25.0)


NOISE = {
    "case_1": lambda i, j: 0.008,
    "case_2": lambda i, j: 0.008 if (i + j) % 2 == 0 else 0.012,
}


@pytest.mark.parametrize("case", NOISE)
def test_published_metric_scripts_give_these_numbers(case):
    expected = GOLDEN[case]["expected"]
    scores = {name: [] for name in NAMES}
    frames = 0
    for sample in golden_samples(NOISE[case]):
        frames += sample.frames_scored
        for name in NAMES:
            scores[name].append(score(name, sample))
    assert frames == expected["frames"]
    for name in NAMES:
        # FDD is a small difference of numbers 20 times larger, so its own digits are fewer
        tolerance = 1e-11 if name.startswith("fdd") else 1e-13
        assert pool(name, scores[name]) == pytest.approx(expected[name], rel=tolerance), name


def test_rule_describes_the_regions_that_were_scored():
    expected = GOLDEN["case_1"]["expected"]
    assert (len(LIP), len(UPPER)) == (expected["lip_vertices"], expected["upper_vertices"])


def test_diversity_is_the_mean_over_unordered_pairs_and_clips():
    scores = []
    for c in range(5):
        drawn = [
            np.random.RandomState(7000 + 10 * c + k).standard_normal((4 + c, 50, 3)) * 0.01
            for k in range(3)
        ]
        scores.append(
            score("diversity", Samples(drawn[0], drawn, np.zeros((50, 3)), {}, None, 25.0))
        )
    assert pool("diversity", scores) == pytest.approx(GOLDEN["diversity"]["expected"], rel=1e-13)
