"""A fitter of the rig of named units."""

import pytest

from bench.animate.fitting import Fitter
from bench.animate.habits import habits_of
from bench.animate.rig import rig_of
from bench.dataset.reader import Dataset


@pytest.fixture
def fitter(avatar: Dataset) -> Fitter:
    """Of the toy dataset of units."""
    return Fitter(rig_of(avatar, "a test"), habits_of(avatar), 1000.0)
