"""Training items: which clips and frames a step sees, and what stands beside them."""

import dataclasses

import pytest
import torch

from bench.config import StageConfig
from bench.training.batches import Item, Loader, collate


def loader(dataset, split="train", seed=0, stage="main", **config):
    return Loader(
        dataset.clips(split), dataset.spec.fps, StageConfig(steps=1, **config), seed, stage
    )


def same(first, second):
    return first.names == second.names and torch.equal(first.vertices, second.vertices)


@pytest.mark.parametrize("window", ["clip", "pairs", 7])
def test_a_batch_is_a_function_of_the_step_alone(window, toy):
    forwards, backwards = (loader(toy, batch_size=2, window=window) for _ in range(2))
    ahead = [next(forwards.batches(step)) for step in range(8)]
    behind = [next(backwards.batches(step)) for step in reversed(range(8))][::-1]
    torch.rand(3)  # draws elsewhere change nothing
    assert all(same(a, b) for a, b in zip(ahead, behind, strict=True))


@pytest.mark.parametrize("change", [{"seed": 1}, {"stage": "other"}])
def test_another_seed_or_stage_has_another_order(change, toy):
    orders = [
        [next(loader(toy, **kind).batches(step)).names for step in range(12)]
        for kind in ({}, change)
    ]
    assert orders[0] != orders[1]


@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_every_epoch_sees_every_clip_once(batch_size, toy):
    items = loader(toy, batch_size=batch_size)
    every = sorted(clip.name for clip in toy.clips("train"))
    epochs = []
    for epoch in range(3):
        steps = range(epoch * items.steps_per_epoch, (epoch + 1) * items.steps_per_epoch)
        epochs.append([name for step in steps for name in next(items.batches(step)).names])
        assert sorted(epochs[-1]) == every
    assert epochs[0] != epochs[1] != epochs[2]


def test_whole_clips_are_padded_with_silence_and_their_last_frame(toy):
    clips = toy.clips("train")[:3]
    batch = collate([Item(clip, 0, clip.num_frames) for clip in clips], toy.spec.fps)
    assert batch.num_frames.tolist() == [25, 24, 23]
    assert batch.vertices.shape == (3, 25, 42, 3) and batch.audio.shape == (3, 25 * 640 + 100)
    for row, clip in enumerate(clips):
        assert torch.equal(batch.vertices[row, : clip.num_frames], clip.vertices)
        assert torch.equal(batch.audio[row, : len(clip.audio)], clip.audio)
        assert (batch.vertices[row, clip.num_frames :] == clip.vertices[-1]).all()
        assert not batch.audio[row, len(clip.audio) :].any()
    assert torch.equal(batch.template, torch.stack([clip.template for clip in clips]))
    assert batch.style.tolist() == [0, 0, 0]


def test_a_window_has_its_own_frames_and_the_audio_under_them(toy):
    clip = toy.clips("train")[1]
    batch = collate([Item(clip, 5, 12)], toy.spec.fps)
    assert torch.equal(batch.vertices[0], clip.vertices[5:12])
    assert torch.equal(batch.audio[0], clip.audio[5 * 640 : 12 * 640 + 80])
    assert batch.num_frames.tolist() == [7]


def test_audio_of_a_window_is_cut_at_rounded_samples(toy):
    clip = toy.clips("train")[0]
    batch = collate([Item(clip, 1, 3)], fps=30.0)
    assert torch.equal(batch.audio[0], clip.audio[533 : 1600 + 80])  # 533.33 and 1600


def test_windows_start_anywhere_in_the_clip(toy):
    items = loader(toy, window=22, batch_size=6)
    lengths = {clip.name: clip.num_frames for clip in toy.clips("train")}
    vertices = {clip.name: clip.vertices for clip in toy.clips("train")}
    starts = {name: set() for name in lengths}
    for step in range(40):
        batch = next(items.batches(step))
        for name, window in zip(batch.names, batch.vertices, strict=True):
            possible = range(lengths[name] - 22 + 1)
            starts[name] |= {s for s in possible if torch.equal(vertices[name][s : s + 22], window)}
    assert starts == {name: set(range(length - 22 + 1)) for name, length in lengths.items()}


def test_pairs_are_two_neighbouring_frames(toy):
    clips = {clip.name: clip for clip in toy.clips("train")}
    batch = next(loader(toy, window="pairs", batch_size=4).batches(0))
    assert batch.vertices.shape == (4, 2, 42, 3) and batch.audio.shape[1] in (2 * 640, 2 * 640 + 80)
    for name, pair in zip(batch.names, batch.vertices, strict=True):
        frames = clips[name].vertices
        assert any(torch.equal(frames[s : s + 2], pair) for s in range(len(frames) - 1))


def test_validation_sees_each_clip_whole_and_alone(toy):
    batches = list(loader(toy, "val", window=4, batch_size=2).whole_clips())
    assert [batch.names for batch in batches] == [("F1_04",), ("M1_04",)]
    assert [batch.vertices.shape[1] for batch in batches] == [26, 26]
    assert [batch.style.tolist() for batch in batches] == [[0], [1]]


def test_a_clip_shorter_than_the_window_is_refused_by_name(toy):
    with pytest.raises(ValueError, match="F1_02: window needs 25 frames, the clip has 24; use"):
        loader(toy, window=25)
    short = dataclasses.replace(toy.clips("train")[0], motion=toy.clips("train")[0].motion[:1])
    with pytest.raises(ValueError, match=r"F1_01: window needs 2 frames, the clip has 1"):
        Loader([short], 25.0, StageConfig(steps=1, window="pairs"), 0, "main")
    whole = next(Loader([short], 25.0, StageConfig(steps=1), 0, "main").batches(0))
    assert whole.num_frames.tolist() == [1]


def test_a_clip_of_a_subject_without_a_style_is_refused(toy):
    with pytest.raises(ValueError, match="F2_05: subject F2 is no training subject"):
        loader(toy, "test_b")


def test_no_clips_at_all_are_refused():
    with pytest.raises(ValueError, match="expected at least one training clip, got none"):
        Loader([], 25.0, StageConfig(steps=1), 0, "main")
