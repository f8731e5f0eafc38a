"""A small face in motion, and ways to make samples of it."""

import numpy as np
import pytest

from bench.metrics import Sample, Samples

V, T, FPS = 30, 17, 25.0
MASKS = {
    "lips": np.array([0, 1, 2]),
    "mouth": np.arange(10),
    "upper_face": np.arange(15, 28),
}


@pytest.fixture
def template():
    return (np.random.default_rng(0).standard_normal((V, 3)) * 0.1).astype(np.float32)


@pytest.fixture
def clip(template):
    """A function from a seed to (T, V, 3) float32 vertices that move about the template."""

    def make(seed, num_frames=T, size=0.01):
        noise = np.random.default_rng(seed).standard_normal((num_frames, V, 3))
        return (template + size * noise).astype(np.float32)

    return make


@pytest.fixture
def sample(template):
    """A function from ground truth and prediction to a Sample of this face."""

    def make(ground_truth, prediction, **changes):
        rest = {"template": template, "masks": MASKS, "mouth_opening_pair": (0, 1), "fps": FPS}
        return Sample(ground_truth, prediction, **(rest | changes))

    return make


@pytest.fixture
def samples(template):
    """A function from ground truth and predictions to Samples of this face."""

    def make(ground_truth, predictions, **changes):
        rest = {"template": template, "masks": MASKS, "mouth_opening_pair": (0, 1), "fps": FPS}
        return Samples(ground_truth, predictions, **(rest | changes))

    return make


@pytest.fixture
def two_vertices():
    """A function from two (T, 2, 3) lists to a Sample whose every region is both vertices."""

    def make(ground_truth, prediction, fps=10.0):
        both = np.array([0, 1])
        masks = {"lips": both, "mouth": both, "upper_face": both}
        return Sample(
            np.array(ground_truth, dtype=float),
            np.array(prediction, dtype=float),
            np.zeros((2, 3)),
            masks,
            (0, 1),
            fps,
        )

    return make
