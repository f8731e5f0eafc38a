"""The training loop: schedules by hand, what is frozen, what is logged, and that it learns."""

import dataclasses
import json
import math

import pytest
import torch
from torch import nn

from bench.common.seeding import seed_everything
from bench.config import StageConfig
from bench.training.batches import Loader
from bench.training.loop import Stage, train_stage
from bench.training.optimizer import lr_factor, make_optimizer


@pytest.fixture
def stage(toy, toys, tmp_path):
    """A function that makes a stage of the toy talker; keywords go to the stage's config."""
    from toy_talker import ToyTalker, ToyTalkerConfig

    def make(name="coarse", seed=0, model=None, **config):
        settings = StageConfig(**({"steps": 12, "batch_size": 2, "lr": 1e-2} | config))
        seed_everything(seed, "init")
        method = ToyTalker(ToyTalkerConfig(**(model or {})), toy.spec)
        train, val = (
            Loader(toy.clips(split), toy.spec.fps, settings, seed, name)
            for split in ("train", "val")
        )
        folder = tmp_path / f"stage-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        return Stage(method, name, settings, train, val, seed, folder, torch.device("cpu"))

    return make


def silent(*_):
    """Progress that nobody reads."""


def weights(stage):
    return torch.cat([p.detach().flatten() for p in stage.method.state_dict().values()])


def factors(num_steps, steps_per_epoch=1, **config):
    settings = StageConfig(**config)
    return [lr_factor(settings, step, num_steps, steps_per_epoch) for step in range(num_steps)]


def test_a_constant_schedule_stays_at_one():
    assert factors(3, steps=3) == [1, 1, 1]


def test_warm_up_rises_linearly_and_then_stops():
    assert factors(6, steps=6, warmup_steps=4) == [0.25, 0.5, 0.75, 1, 1, 1]


def test_step_schedule_counts_steps_where_the_length_is_given_in_steps():
    halves = factors(6, 4, steps=6, schedule="step", step_size=2, gamma=0.5)
    assert halves == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_step_schedule_counts_epochs_where_the_length_is_given_in_epochs():
    tenths = factors(6, 2, epochs=3, schedule="step", step_size=1, gamma=0.1)
    assert tenths == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_falls_from_one_towards_zero():
    expected = [0.5 * (1 + math.cos(math.pi * step / 4)) for step in range(4)]
    assert factors(4, steps=4, schedule="cosine") == pytest.approx(expected)
    assert expected[0] == 1 and expected[2] == pytest.approx(0.5)


def test_cosine_starts_after_the_warm_up():
    found = factors(6, steps=6, schedule="cosine", warmup_steps=2)
    assert found == pytest.approx([0.5, 1, 1, 0.5 + 0.25 * 2**0.5, 0.5, 0.5 - 0.25 * 2**0.5])


def test_epochs_are_as_many_steps_as_see_every_clip_that_often():
    assert StageConfig(epochs=3, batch_size=4).num_steps(6) == 6
    assert StageConfig(epochs=3).num_steps(6) == 18
    assert StageConfig(steps=5).num_steps(6) == 5
    assert StageConfig(epochs=0).num_steps(6) == 0


def test_the_loop_uses_the_scheduled_rate_and_a_groups_own_one(stage, monkeypatch):
    one = stage(steps=4, lr=0.02, schedule="step", step_size=2, gamma=0.5)
    rates = []
    optimiser_step = torch.optim.Adam.step

    def spy(self, *arguments, **options):
        rates.append([group["lr"] for group in self.param_groups])
        return optimiser_step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    train_stage(one, silent)
    assert rates == [[3e-3, 0.02], [3e-3, 0.02], [1.5e-3, 0.01], [1.5e-3, 0.01]]


def test_a_group_keeps_its_own_weight_decay(stage):
    one = stage(weight_decay=0.01, optimizer="adamw", betas=(0.8, 0.9), eps=1e-6)
    optimizer = make_optimizer(one.method, "coarse", one.config)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.01]
    assert {(group["betas"], group["eps"]) for group in optimizer.param_groups} == {
        ((0.8, 0.9), 1e-6)
    }


@pytest.mark.parametrize("name", ["coarse", "fine"])
def test_only_the_stages_own_parameters_move(name, stage):
    one = stage(name)
    before = {k: v.clone() for k, v in one.method.named_parameters()}
    train_stage(one, silent)
    moved = {k for k, v in one.method.named_parameters() if not torch.equal(v, before[k])}
    own = {k for k in before if k.startswith(name)}
    assert moved == own
    assert {k for k, v in one.method.named_parameters() if v.requires_grad} == own
    assert all(p.grad is None for k, p in one.method.named_parameters() if k not in own)


def test_nothing_to_train_gives_no_optimiser_and_an_empty_curve(toy, toys, stage):
    from toy_still import ToyStill, ToyStillConfig

    one = dataclasses.replace(stage(), method=ToyStill(ToyStillConfig(), toy.spec), name="main")
    assert make_optimizer(one.method, "main", one.config) is None
    assert train_stage(one, silent).step == 0
    empty = {"train": [], "validation": [], "epochs": []}
    assert json.loads((one.folder / "curves.json").read_text()) == empty


def test_gradients_are_clipped_to_the_norm_asked_for(stage, monkeypatch):
    norms = []
    optimiser_step = torch.optim.Adam.step

    def spy(self, *arguments, **options):
        gradients = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(float(nn.utils.get_total_norm(gradients)))
        return optimiser_step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    train_stage(stage(steps=3), silent)
    free = norms[:]
    norms.clear()
    train_stage(stage(steps=3, clip_grad_norm=free[0] / 10), silent)
    assert norms == pytest.approx([free[0] / 10] * 3, rel=1e-3)


@pytest.mark.parametrize("name", ["coarse", "fine"])
def test_validation_draws_nothing_from_the_training_streams(name, stage):
    often, never = stage(name, validate_every=1), stage(name, validate_every=1000)
    train_stage(often, silent)
    train_stage(never, silent)
    assert torch.equal(weights(often), weights(never))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(stage):
    first, again, other = stage(seed=1), stage(seed=1), stage(seed=2)
    for one in (first, again, other):
        train_stage(one, silent)
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_the_curves_average_every_term_since_the_last_point(stage):
    each = stage(steps=7, log_every=1)
    pooled = stage(steps=7, log_every=3, validate_every=4)
    train_stage(each, silent)
    train_stage(pooled, silent)
    single = json.loads((each.folder / "curves.json").read_text())["train"]
    curves = json.loads((pooled.folder / "curves.json").read_text())
    assert [point["step"] for point in curves["train"]] == [3, 6, 7]
    for term in ("loss", "largest"):
        values = [point[term] for point in single]
        means = [sum(values[:3]) / 3, sum(values[3:6]) / 3, values[6]]
        assert [point[term] for point in curves["train"]] == pytest.approx(means)
    assert [point["step"] for point in curves["validation"]] == [4, 7]
    assert curves["validation"][0].keys() == {"step", "loss", "largest"}


def test_a_stage_without_validation_clips_trains_all_the_same(stage):
    one = dataclasses.replace(stage(steps=2), val=None)
    assert train_stage(one, silent).validation == []


def test_progress_hears_of_every_step(stage):
    heard = []
    train_stage(stage(steps=3), lambda *numbers: heard.append(numbers))
    assert [numbers[:2] for numbers in heard] == [(1, 3), (2, 3), (3, 3)]
    losses, rates, left = zip(*[numbers[2:] for numbers in heard], strict=True)
    assert min(losses) > 0 and min(rates) > 0 and left[-1] == 0


def test_a_toy_learns_the_motion(stage):
    one = stage(steps=120, model={"dropout": 0.0}, lr=3e-2, log_every=1, validate_every=1000)
    curve = train_stage(one, silent).curve
    assert curve[-1]["loss"] < 0.2 * curve[0]["loss"]


FAULTS = {
    "nan": r"coarse: the loss is nan at step 2 \(clips \w\w_\d\d, \w\w_\d\d\); lower train.lr or",
    "nan_term": r"coarse: the largest is nan at step 2 \(clips .*\); lower train.lr or",
    "nan_validation": r"coarse: the validation loss is nan at step 4 \(clips F1_04\); lower",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_loss_that_is_not_finite_stops_the_run_and_says_where(fault, stage):
    one = stage(model={"fault": fault}, validate_every=4)
    with pytest.raises(ValueError, match=FAULTS[fault]):
        train_stage(one, silent)
    assert not (one.folder / "curves.json").exists()
