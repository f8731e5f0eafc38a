"""What is no checkpoint, hostile, or of other faces: one line, and nothing is kept."""

import os
from pathlib import Path

import pytest
import torch


class Hostile:
    """Unpickling it without restriction would create a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_a_hostile_pickle_is_refused_unread(bring, toy_files, cache, tmp_path):
    torch.save({"state_dict": Hostile(tmp_path / "ran")}, toy_files / "toy.pth.tar")
    with pytest.raises(ValueError, match="toy.pth.tar was refused unread: .*which could run code"):
        bring(toy_files)
    assert not (tmp_path / "ran").exists()
    assert list(cache.records()) == []
    torch.load(toy_files / "toy.pth.tar", weights_only=False)  # it is hostile indeed
    assert (tmp_path / "ran").exists()


REFUSED = {
    "no file": (lambda f: f / "no.pth", (), "no.pth does not exist or is no file"),
    "an empty folder": (
        lambda f: f / "empty",
        (),
        "empty holds no toy.pth.tar .checkpoint., no style.pth.tar",
    ),
    "text": (
        lambda f: f / "text.pth",
        (),
        "text.pth is text, no checkpoint .it starts with 'no weig",
    ),
    "a list": (lambda f: f / "list.pth", (), "expected a state dict, .*, got list"),
    "a cut file": (lambda f: f / "cut.pth", (), "cut.pth is damaged or incomplete; fetch"),
    "no pair": (lambda f: f, ("gain",), "--set gain: expected field=value, e.g. num_heads=8"),
    "the dataset": (lambda f: f, ("spec=1",), "Unknown setting 'spec'. Known: gain"),
    "a date": (lambda f: f, ("gain=2020-01-01",), "'2020-01-01' is not a plain value"),
    "an unknown field": (lambda f: f, ("gian=2",), "'gian'. Did you mean 'gain'"),
    "a size": (lambda f: f, ("width=3",), "--set width: it is read from the file"),
    "a number as key": (lambda f: f / "number.pth", (), "number.pth: the keys .* got 3 .int"),
    "no tensors": (lambda f: f / "bare.pth", (), "bare.pth: .* it has none: epoch is a int"),
    "one tensor": (lambda f: f / "tensor.pth", (), "expected a state dict, .*, got Tensor"),
    "a wrong value": (lambda f: f, ("gain=much",), "gain: Input should be a valid number"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_checkpoint_is_one_line(what, bring, toy_files, cache):
    (toy_files / "empty").mkdir()
    (toy_files / "text.pth").write_text("no weights")
    torch.save([1, 2], toy_files / "list.pth")
    torch.save({3: torch.ones(1)}, toy_files / "number.pth")
    torch.save({"epoch": 3}, toy_files / "bare.pth")
    torch.save(torch.ones(2), toy_files / "tensor.pth")
    (toy_files / "cut.pth").write_bytes((toy_files / "toy.pth.tar").read_bytes()[:300])
    path, overrides, message = REFUSED[what]
    with pytest.raises(ValueError, match=message) as raised:
        bring(path(toy_files), *overrides)
    assert len(str(raised.value).splitlines()) == 1
    assert list(cache.records()) == []


def test_every_key_that_does_not_fit_is_shown(toy_weights, bring, toy_files, cache, capsys):
    face, style = toy_weights()
    face |= {"speak.bias": torch.zeros(7), "more": torch.ones(1), "most": torch.ones(1)}
    del style["style.bias"]
    torch.save(face | style, toy_files / "one.pth")
    with pytest.raises(ValueError, match="keys: 1 missing, 2 unexpected, 1 of another shape; noth"):
        bring(toy_files / "one.pth")
    shown = capsys.readouterr().out
    for key in ("style.bias", "more", "most", "speak.bias (7,) instead of (126,)"):
        assert key in shown
    assert list(cache.records()) == []


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"num_vertices": 50}, "the checkpoint is of 50 vertices, toy has 42; keys"),
        ({"num_styles": 8}, "the checkpoint is of 8 training subjects, toy has 2; keys"),
    ],
)
def test_other_faces_are_refused_with_both_numbers(toy_weights, sizes, message, bring, toy_files):
    face, style = toy_weights(**sizes)
    torch.save(face | style, toy_files / "one.pth")
    with pytest.raises(ValueError, match=message):
        bring(toy_files / "one.pth")


def test_names_are_checked_before_files(bring, toy_files):
    with pytest.raises(ValueError, match=r"still has no published .* methods that have: spoken"):
        bring(toy_files, method="still")
    with pytest.raises(ValueError, match="expected a method, not its variant"):
        bring(toy_files, method="spoken-loud")
    with pytest.raises(ValueError, match="Unknown file of spoken 'stage3'.*stage1"):
        bring(toy_files, files=("stage3=x",))
    with pytest.raises(ValueError, match="--file x: expected role=path"):
        bring(toy_files, files=("x",))


def test_an_unknown_method_suggests_methods_only(bring, toy_files):
    with pytest.raises(ValueError, match="Did you mean 'spoken'") as raised:
        bring(toy_files, method="spokn")
    assert "imported" not in str(raised.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_by_key_and_file(
    toy_weights, value, bring, toy_files, cache
):
    _, style = toy_weights()
    style["style.bias"][0] = value
    torch.save(style, toy_files / "style.pth.tar")
    with pytest.raises(ValueError, match=r"style.pth.tar: NaN or infinity in style.bias; not imp"):
        bring(toy_files)
    assert list(cache.records()) == []


def test_with_several_files_the_error_names_role_and_file(bring, toy_files):
    torch.save({"more": torch.ones(1)}, toy_files / "style.pth.tar")
    with pytest.raises(
        ValueError, match=r"checkpoint \(.*toy.pth.tar\), stage1 \(.*style.pth.tar\)"
    ):
        bring(toy_files)


def test_a_file_that_changes_while_it_is_read_is_refused(bring, toy_files, cache, monkeypatch):
    monkeypatch.setattr("bench.weights.importing.hash_checkpoint", lambda path: "0" * 64)
    with pytest.raises(ValueError, match="toy.pth.tar changed while it was read"):
        bring(toy_files)
    assert list(cache.records()) == []
