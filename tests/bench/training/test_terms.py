"""Loss terms: scalars are averaged, counts are summed, and anything else is refused."""

import json
import math

import pytest
import torch

from bench.common.seeding import seed_everything
from bench.config import StageConfig
from bench.training.batches import Loader
from bench.training.loop import Stage, train_stage
from bench.training.terms import add_counts, health, perplexity


@pytest.fixture
def trained(toy, toys, tmp_path):
    """A function from the config of a stage, and a loss, to (stage, curves)."""
    from toy_coded import ToyCoded
    from toy_talker import ToyTalkerConfig

    def make(loss=None, **config):
        settings = StageConfig(**({"steps": 8, "batch_size": 2, "validate_every": 4} | config))
        seed_everything(0, "init")
        method = ToyCoded(ToyTalkerConfig(), toy.spec)
        if loss:
            plain = method.loss
            method.loss = lambda batch, stage: loss(plain(batch, stage))
        train, val = (
            Loader(toy.clips(split), toy.spec.fps, settings, 0, "coarse")
            for split in ("train", "val")
        )
        stage = Stage(method, "coarse", settings, train, val, 0, tmp_path, torch.device("cpu"))
        train_stage(stage, lambda *_: None)
        return stage, json.loads((tmp_path / "curves.json").read_text())

    return make


def counted(stage, batches):
    """The sum of the codes over batches."""
    return sum(stage.method.loss(batch, "coarse")["codes"] for batch in batches).tolist()


def test_perplexity_is_the_number_of_codes_in_effective_use():
    assert perplexity([5, 5, 5, 5]) == pytest.approx(4)
    assert perplexity([7, 0, 0]) == 1
    assert perplexity([3, 1]) == pytest.approx(
        math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    )
    assert perplexity([0, 0]) == 0


def test_usage_is_the_share_of_codes_that_were_chosen_at_all():
    found = health({"codes": [4, 0, 4, 0], "other": [1]})
    assert found == pytest.approx(
        {"codes_usage": 0.5, "codes_perplexity": 2, "other_usage": 1, "other_perplexity": 1}
    )


def test_counts_are_summed_over_an_epoch_and_never_averaged(trained):
    """Six clips in batches of two: three steps an epoch, and the last epoch stays unfinished."""
    stage, curves = trained()
    assert [(e["epoch"], e["step"], e["codes_size"]) for e in curves["epochs"]] == [
        (1, 3, 4),
        (2, 6, 4),
        (3, 8, 4),
    ]
    for epoch, steps in zip(curves["epochs"], (range(3), range(3, 6), range(6, 8)), strict=True):
        expected = health(
            {"codes": counted(stage, (b for s in steps for b in stage.train.batches(s)))}
        )
        assert {name: epoch[name] for name in expected} == expected
    one = health({"codes": counted(stage, stage.train.batches(0))})
    assert one["codes_perplexity"] != curves["epochs"][0]["codes_perplexity"]
    assert all("codes" not in point for point in curves["train"])


def test_counts_of_validation_are_summed_over_all_clips(trained):
    stage, curves = trained()
    expected = health({"codes": counted(stage, stage.val.whole_clips())})
    each = [health({"codes": counted(stage, [b])}) for b in stage.val.whole_clips()]
    assert {one["codes_usage"] for one in each} == {0.5} and expected["codes_usage"] == 1
    for point in curves["validation"]:
        assert {name: point[name] for name in expected} == expected
        assert point.keys() == {"step", "loss", "largest", *expected}


def test_accumulated_batches_are_counted_once_each(trained):
    stage, curves = trained(batch_size=1, accumulate=4, steps=2)
    expected = health(
        {"codes": counted(stage, (b for s in range(2) for b in stage.train.batches(s)))}
    )
    assert {name: curves["epochs"][0][name] for name in expected} == expected


BAD = {
    "several floats": torch.zeros(3),
    "other integers": torch.zeros(3, dtype=torch.int32),
    "a matrix": torch.zeros(2, 3, dtype=torch.int64),
    "nothing": torch.zeros(0, dtype=torch.int64),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_term_that_is_neither_a_scalar_nor_counts_is_refused(kind, trained):
    with pytest.raises(ValueError, match=r"the odd is \w+ of shape .*; expected a scalar, or coun"):
        trained(lambda terms: terms | {"odd": BAD[kind]})


def test_counts_of_another_size_are_refused():
    counts = {"codes": [1, 2]}
    with pytest.raises(ValueError, match="codes has 3 counts after 2 before"):
        add_counts(counts, {"codes": torch.ones(3, dtype=torch.int64)})
