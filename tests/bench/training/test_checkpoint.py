"""Checkpoints and weights on disk: what comes back, and what is refused."""

import pickle
import random

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from bench.common.files import write_atomically
from bench.training.checkpoint import (
    TrainingState,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
)
from bench.training.optimizer import Average


def model(seed=0, width=3):
    torch.manual_seed(seed)
    return nn.ModuleDict({"first": nn.Linear(2, width), "second": nn.Linear(width, 1)})


def fitted(seed=0):
    """A model and its optimiser after one step."""
    module = model(seed)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1)
    for group in optimizer.param_groups:
        group["base_lr"] = group["lr"]
    module["second"](module["first"](torch.ones(1, 2))).sum().backward()
    optimizer.step()
    return module, optimizer


def draws():
    return random.random(), float(np.random.rand()), float(np.random.randn()), float(torch.rand(()))


def equal(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


STATE = {
    "step": 7,
    "curve": [{"step": 5, "loss": 0.25}],
    "validation": [{"step": 5, "loss": 0.5}],
    "epochs": [{"epoch": 1, "step": 3, "codes_size": 2, "codes_usage": 0.5}],
    "sums": {"loss": 1.5},
    "counts": {"codes": [3, 0]},
    "seconds": 12.5,
}


def test_everything_comes_back(tmp_path):
    module, optimizer = fitted()
    np.random.randn()  # an odd number: numpy keeps a second draw for the next call
    save_checkpoint(tmp_path / "c.pt", module, optimizer, TrainingState(**STATE))
    expected = draws()
    other, other_optimizer = fitted(seed=1)
    assert not equal(module.state_dict(), other.state_dict())
    state = load_checkpoint(tmp_path / "c.pt", other, other_optimizer)
    assert vars(state) == STATE
    assert draws() == expected
    assert equal(module.state_dict(), other.state_dict())
    assert other_optimizer.param_groups[0]["base_lr"] == 0.1
    moments = [list(each.state_dict()["state"].values()) for each in (optimizer, other_optimizer)]
    assert all(equal(a, b) for a, b in zip(*moments, strict=True)) and moments[0]


def test_averaged_weights_come_back_beside_the_own_ones(tmp_path):
    module, optimizer = fitted()
    average = Average(optimizer, 0.5)
    with torch.no_grad():
        module["first"].weight.add_(1)
    average.update(1)
    save_checkpoint(tmp_path / "c.pt", module, optimizer, TrainingState(), average)
    other, other_optimizer = fitted(seed=1)
    restored = Average(other_optimizer, 0.5)
    load_checkpoint(tmp_path / "c.pt", other, other_optimizer, restored)
    pairs = zip(average.averages, restored.averages, strict=True)
    assert all(torch.equal(one, another) for one, another in pairs)
    assert equal(module.state_dict(), other.state_dict())
    assert not torch.equal(restored.averages[0], other["first"].weight)


def test_a_checkpoint_without_averaged_weights_does_not_start_new_ones(tmp_path):
    module, optimizer = fitted()
    save_checkpoint(tmp_path / "c.pt", module, optimizer, TrainingState())
    with pytest.raises(ValueError, match="averaged weights of other shapes"):
        load_checkpoint(tmp_path / "c.pt", module, optimizer, Average(optimizer, 0.5))


def test_a_checkpoint_is_whole_or_absent(tmp_path, monkeypatch):
    def half(document, path):
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(tmp_path / "c.pt", *fitted(), TrainingState())
    assert not list(tmp_path.iterdir())


class Malicious:
    """Makes a file as soon as it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("write", [torch.save, lambda v, p: p.write_bytes(pickle.dumps(v, 2))])
def test_code_in_a_checkpoint_is_refused_and_not_run(write, tmp_path):
    path, trap = tmp_path / "c.pt", tmp_path / "trap"
    write({"module": Malicious(str(trap))}, path)
    with pytest.raises(ValueError, match=r"c\.pt is not a usable checkpoint \(damaged, or more in"):
        load_checkpoint(path, *fitted())
    assert not trap.exists()


def a_list(path):
    torch.save([1, 2], path)


def of_another_model(path):
    other = model(width=5)
    save_checkpoint(path, other, torch.optim.AdamW(other.parameters()), TrainingState())


def without_generators(path):
    module, optimizer = fitted()
    torch.save({"module": module.state_dict(), "optimizer": optimizer.state_dict()}, path)


def with_odd_generators(path):
    module, optimizer = fitted()
    save_checkpoint(path, module, optimizer, TrainingState())
    document = torch.load(path, weights_only=True)
    torch.save(document | {"generators": {"python": 3}}, path)


def truncated(path):
    save_checkpoint(path, *fitted(), TrainingState())
    path.write_bytes(path.read_bytes()[:200])


BAD = {
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"no checkpoint at all" * 10),
    "truncated": truncated,
    "a list": a_list,
    "of another model": of_another_model,
    "without generators": without_generators,
    "with odd generators": with_odd_generators,
}


@pytest.mark.parametrize("kind", BAD)
def test_an_unusable_checkpoint_is_one_clear_line(kind, tmp_path):
    path = tmp_path / "checkpoint.pt"
    BAD[kind](path)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is not a usable checkpoint \(") as error:
        load_checkpoint(path, *fitted())
    assert str(error.value).endswith("delete it, it is made again")
    assert "\n" not in str(error.value)


def test_weights_come_back_without_what_belongs_to_later_stages(tmp_path):
    module = model()
    save_weights(tmp_path / "w.safetensors", module, without=["second"])
    assert load_file(tmp_path / "w.safetensors").keys() == {"first.weight", "first.bias"}
    other = model(seed=1)
    second = other["second"].weight.clone()
    load_weights(tmp_path / "w.safetensors", other, without=["second"])
    assert torch.equal(other["first"].weight, module["first"].weight)
    assert torch.equal(other["second"].weight, second)


def test_tensors_that_share_memory_are_saved(tmp_path):
    module = model()
    module["again"] = module["first"]
    save_weights(tmp_path / "w.safetensors", module, without=[])
    load_weights(tmp_path / "w.safetensors", module, without=[])


def test_a_method_without_tensors_is_saved(tmp_path):
    save_weights(tmp_path / "w.safetensors", nn.Identity(), without=[])
    load_weights(tmp_path / "w.safetensors", nn.Identity(), without=[])


def test_the_same_weights_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save_weights(tmp_path / name, model(), without=[])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_weights_that_do_not_fit_are_named(tmp_path):
    path = tmp_path / "w.safetensors"
    weights = model().state_dict()
    weights["first.weight"] = torch.zeros(3, 4)
    weights["other"] = weights.pop("second.bias")
    save_file(weights, path)
    expected = (
        r"w\.safetensors does not fit this method: missing second\.bias; unexpected other; "
        r"mis-shaped first\.weight \(3, 4\) instead of \(3, 2\); delete it, it is made again"
    )
    module = model()
    with pytest.raises(ValueError, match=expected):
        load_weights(path, module, without=[])
    assert equal(module.state_dict(), model().state_dict())  # nothing was loaded


def trained():
    """A module whose first layer was not trained."""
    module = model()
    with torch.no_grad():
        module["second"].weight.add_(1)
        module["second"].bias.add_(1)
    return module


def test_parameters_that_training_left_alone_are_not_stored_and_come_from_the_fresh_module(
    tmp_path,
):
    path, module = tmp_path / "w.safetensors", trained()
    save_weights(path, module, without=[], fresh=model())
    assert load_file(path).keys() == {"second.weight", "second.bias"}
    other = model()
    load_weights(path, other, without=[])
    assert equal(module.state_dict(), other.state_dict())


def test_buffers_are_stored_even_where_they_did_not_change(tmp_path):
    module, fresh = (nn.ModuleDict({"norm": nn.BatchNorm1d(2)}) for _ in range(2))
    save_weights(tmp_path / "w.safetensors", module, without=[], fresh=fresh)
    assert "norm.running_mean" in load_file(tmp_path / "w.safetensors")


def other_values(module):
    torch.manual_seed(1)
    module["first"] = nn.Linear(2, 3)


def one_bit(module):
    with torch.no_grad():
        module["first"].bias.view(torch.int32)[0] ^= 1


@pytest.mark.parametrize("change", [other_values, one_bit])
def test_weights_are_refused_beside_others_than_those_that_were_left_out(change, tmp_path):
    path, other = tmp_path / "w.safetensors", model()
    save_weights(path, trained(), without=[], fresh=model())
    change(other)
    before = {name: value.clone() for name, value in other.state_dict().items()}
    expected = (
        r"w\.safetensors was trained beside other weights of first\.bias, first\.weight: "
        r"expected sha256 [0-9a-f]{12}, got [0-9a-f]{12}; bring back their source"
    )
    with pytest.raises(ValueError, match=expected):
        load_weights(path, other, without=[])
    assert equal(before, other.state_dict())


def test_a_module_without_what_was_left_out_is_refused(tmp_path):
    path, other = tmp_path / "w.safetensors", model()
    save_weights(path, trained(), without=[], fresh=model())
    del other["first"]
    with pytest.raises(ValueError, match=r"trained beside other weights of first\.bias"):
        load_weights(path, other, without=[])


@pytest.mark.parametrize("data", [b"", b"garbage", None])
def test_an_unreadable_weights_file_is_one_clear_line(data, tmp_path):
    path = tmp_path / "w.safetensors"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ValueError, match=r"w\.safetensors is not a usable weights file \(.+\);"):
        load_weights(path, model(), without=[])


def test_a_half_written_file_is_never_seen(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError), write_atomically(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        raise RuntimeError("in the middle")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"
