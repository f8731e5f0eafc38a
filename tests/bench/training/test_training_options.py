"""Training options: each does what it says, and without them the loop is the plain one."""

import dataclasses
import json
from shutil import which

import pytest
import torch

from bench.common.seeding import seed_everything
from bench.config import StageConfig
from bench.method import leave_marked_alone
from bench.training.batches import Loader
from bench.training.loop import Stage, train_stage
from bench.training.optimizer import Average, make_optimizer
from methods.layers.speech import ClipMemo

PLAIN = {"dropout": 0.0}


@pytest.fixture
def stage(toy, toys, tmp_path):
    """A function that makes a stage of the toy talker; keywords go to the stage's config."""
    from toy_talker import ToyTalker, ToyTalkerConfig

    def make(method=ToyTalker, model=None, name="coarse", **config):
        settings = StageConfig(**({"steps": 12, "batch_size": 2, "lr": 1e-2} | config))
        seed_everything(0, "init")
        made = method(ToyTalkerConfig(**(model or {})), toy.spec)
        train, val = (
            Loader(toy.clips(split), toy.spec.fps, settings, 0, name) for split in ("train", "val")
        )
        folder = tmp_path / f"stage-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        return Stage(made, name, settings, train, val, 0, folder, torch.device("cpu"))

    return make


@pytest.fixture
def exact(toys):
    """The talker without any draw; its loss is the mean over clips of a clip's mean."""
    from toy_talker import SCALE, ToyTalker

    class Exact(ToyTalker):
        def loss(self, batch, stage):
            heard = self.hear(batch.audio, batch.vertices.shape[1])
            target = batch.vertices - batch.template[:, None] - self.mean
            error = (self.speak(heard, stage) - SCALE * target).square().mean((2, 3))  # (B, T)
            real = torch.arange(error.shape[1]) < batch.num_frames[:, None]
            clips = (error * real).sum(1) / batch.num_frames
            return {"loss": clips.mean()}

    return Exact


def train(one):
    """Train; returns the curves."""
    train_stage(one, lambda *_: None)
    return json.loads((one.folder / "curves.json").read_text())


def weights(one):
    return torch.cat([p.detach().flatten() for p in one.method.state_dict().values()])


def test_without_options_the_loop_is_the_plain_one_bit_for_bit(stage, exact):
    """With dropout, which draws from torch; shape checks of tests draw from python's stream."""
    found, by_hand = stage(exact, clip_grad_norm=0.1, validate_every=5), stage(exact)
    curves = train(found)
    method, losses = by_hand.method, []
    seed_everything(0, "coarse", "train")
    method.prepare("coarse", by_hand.train.clips)
    optimizer = make_optimizer(method, "coarse", by_hand.config)
    for step in range(12):
        method.train()
        optimizer.zero_grad()
        loss = method.loss(next(by_hand.train.batches(step)), "coarse")["loss"]
        loss.backward()
        every = [p for group in optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(every, 0.1)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert torch.equal(weights(found), weights(by_hand))
    assert [p["loss"] for p in curves["train"]] == [sum(losses[:10]) / 10, sum(losses[10:]) / 2]


@pytest.mark.parametrize(("batch_size", "accumulate"), [(1, 4), (2, 2)])
def test_accumulated_batches_are_one_large_one(batch_size, accumulate, stage, exact):
    """Six clips, four a step: the second step of each epoch has two."""
    large = stage(exact, PLAIN, batch_size=4, log_every=1)
    small = stage(exact, PLAIN, batch_size=batch_size, accumulate=accumulate, log_every=1)
    first, second = train(large), train(small)
    assert torch.allclose(weights(large), weights(small), atol=1e-5)
    for one, other in zip(first["train"], second["train"], strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_a_smaller_last_batch_counts_by_its_clips(stage, exact):
    """Five clips, in batches of three and two: 3/5 and 2/5."""
    one = stage(exact, PLAIN, batch_size=3, accumulate=2, steps=1)
    odd = dataclasses.replace(one, train=_loader(one, one.train.clips[:5]))
    batches = list(odd.train.batches(0))
    assert [len(b.names) for b in batches] == [3, 2] and odd.train.num_clips(0) == 5
    fresh = stage(exact, PLAIN).method
    fresh.prepare("coarse", odd.train.clips)
    terms = [float(fresh.loss(batch, "coarse")["loss"].detach()) for batch in batches]
    assert train(odd)["train"][0]["loss"] == pytest.approx(0.6 * terms[0] + 0.4 * terms[1])


def _loader(one, clips):
    return Loader(clips, one.train.fps, one.config, 0, "coarse")


def test_steps_and_epochs_count_optimiser_steps():
    config = StageConfig(epochs=2, batch_size=2, accumulate=2)
    assert config.batches_per_epoch(7) == 4 and config.steps_per_epoch(7) == 2
    assert config.num_steps(7) == 4
    assert StageConfig(epochs=2, batch_size=2, accumulate=3).num_steps(7) == 4


@pytest.mark.parametrize("batches", ["shuffled", "length"])
@pytest.mark.parametrize(("batch_size", "accumulate"), [(1, 1), (4, 1), (2, 2), (4, 2)])
def test_every_epoch_has_every_clip_once(batches, batch_size, accumulate, toy):
    config = StageConfig(steps=1, batches=batches, batch_size=batch_size, accumulate=accumulate)
    items = Loader(toy.clips("train"), toy.spec.fps, config, 0, "main")
    epochs = []
    for epoch in range(3):
        steps = range(epoch * items.steps_per_epoch, (epoch + 1) * items.steps_per_epoch)
        epochs.append([name for s in steps for b in items.batches(s) for name in b.names])
        assert sorted(epochs[-1]) == sorted(clip.name for clip in toy.clips("train"))
    assert epochs[0] != epochs[1]


def test_batches_by_length_hold_clips_of_similar_length(toy):
    """Lengths 25, 24, 23 of two subjects: in pairs, nothing is padded."""
    config = StageConfig(steps=1, batches="length", batch_size=2)
    items = Loader(toy.clips("train"), toy.spec.fps, config, 0, "main")
    lengths = [
        [next(items.batches(3 * e + p)).num_frames.tolist() for p in range(3)] for e in range(8)
    ]
    assert all(a == b for epoch in lengths for a, b in epoch)
    assert len({tuple(a for a, _ in epoch) for epoch in lengths}) > 1  # order of batches


def test_the_smaller_batch_by_length_is_not_always_the_longest_clips(toy):
    config = StageConfig(steps=1, batches="length", batch_size=4)
    items = Loader(toy.clips("train"), toy.spec.fps, config, 0, "main")
    small = [b for step in range(20) for b in [next(items.batches(step))] if len(b.names) == 2]
    assert len(small) == 10
    assert {tuple(b.num_frames.tolist()) for b in small} == {(23, 23), (25, 25)}


def test_batches_by_length_are_a_function_of_the_step_alone(toy):
    config = StageConfig(steps=1, batches="length", batch_size=4)
    one, other = (Loader(toy.clips("train"), 25.0, config, 0, "main") for _ in range(2))
    ahead = [next(one.batches(step)).names for step in range(8)]
    assert ahead == [next(other.batches(step)).names for step in reversed(range(8))][::-1]


def test_batches_by_length_need_whole_clips():
    with pytest.raises(ValueError, match="batches: length needs window: clip"):
        StageConfig(steps=1, batches="length", window=7)


def test_the_average_is_the_formula(stage):
    one = stage(ema=0.5)
    optimizer = make_optimizer(one.method, "coarse", one.config)
    average = Average(optimizer, 0.5)
    weight = average.weights[0]
    expected = weight.detach().clone()
    for step in range(1, 13):
        with torch.no_grad():
            weight.add_(step)
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight.detach()
        assert torch.allclose(average.averages[0], expected)
    assert 9 / 18 == min(0.5, (1 + 8) / (10 + 8))  # from step 8 on the rate is the one asked for


def test_averaged_weights_are_validated_and_saved_but_not_trained(stage, exact):
    """Training goes on from its own weights: its curve is that of a training without average."""
    plain, averaged = stage(exact, validate_every=6), stage(exact, validate_every=6, ema=0.9)
    first, second = train(plain), train(averaged)
    assert first["train"] == second["train"]
    for one, other in zip(first["validation"], second["validation"], strict=True):
        assert one["loss"] != other["loss"]
    assert not torch.equal(weights(plain), weights(averaged))
    assert torch.equal(plain.method.mean, averaged.method.mean)  # a buffer
    assert torch.equal(plain.method.fine.weight, averaged.method.fine.weight)  # frozen


def test_the_last_validation_is_of_the_weights_that_are_kept(stage, exact):
    one = stage(exact, PLAIN, ema=0.9)
    curves = train(one)
    one.method.eval()
    with torch.no_grad():
        losses = [float(one.method.loss(b, "coarse")["loss"]) for b in one.val.whole_clips()]
    assert curves["validation"][-1]["loss"] == pytest.approx(sum(losses) / len(losses))


def test_bfloat16_changes_results_by_rounding_and_keeps_weights_float32(stage):
    plain, rounded = stage(model=PLAIN), stage(model=PLAIN, precision="bfloat16")
    dtypes = []
    loss = rounded.method.loss

    def spy(batch, name):
        terms = loss(batch, name)
        dtypes.append(rounded.method.coarse(torch.ones(1, 2)).dtype)
        return terms

    rounded.method.loss = spy
    first, second = train(plain), train(rounded)
    assert set(dtypes) == {torch.bfloat16}  # in training and in validation
    assert {p.dtype for p in rounded.method.state_dict().values()} == {torch.float32}
    assert not torch.equal(weights(plain), weights(rounded))
    for kind in ("train", "validation"):
        for one, other in zip(first[kind], second[kind], strict=True):
            assert one["loss"] == pytest.approx(other["loss"], rel=0.03)


@pytest.mark.skipif(not any(map(which, ("g++", "clang++"))), reason="no C++ compiler here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the compiler's own modules
def test_a_compiled_loss_trains_as_the_plain_one_does(stage, exact):
    plain, compiled = (stage(exact, PLAIN, compile=c, steps=4) for c in (False, True))
    names = list(plain.method.state_dict())
    torch._dynamo.utils.counters.clear()
    first, second = train(plain), train(compiled)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 1
    assert list(compiled.method.state_dict()) == names
    assert torch.allclose(weights(plain), weights(compiled), atol=1e-4)
    assert first["train"][-1]["loss"] == pytest.approx(second["train"][-1]["loss"], rel=1e-3)


def test_without_a_compiler_it_is_one_line(stage, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no g++\nand a long trace")

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(ValueError, match=r"^train.compile: .* \(no g\+\+\); install a C\+\+") as e:
        train(stage(compile=True))
    assert "\n" not in str(e.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the compiler's own modules
def test_what_is_marked_runs_as_it_stands_inside_compiled_code():
    """The memo of speech features hashes bytes, which the compiler cannot trace."""
    memo = ClipMemo()
    leave_marked_alone()

    def loss(clip):
        return 2 * memo(clip, lambda x: x.cumsum(0))

    compiled = torch.compile(loss, dynamic=True, backend="eager")  # traced, which is what may fail
    for length in (160, 320):
        clip = torch.randn(length)
        assert torch.allclose(compiled(clip), 2 * clip.cumsum(0))
    assert len(memo._results) == 2
