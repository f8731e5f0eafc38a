"""Training items in an order that depends on nothing but the seed and the step.

The batches of a step are a pure function of (seed, stage, step): a resumed run needs no iterator.

``batches: length`` puts clips of similar length into a batch, so that little of it is padding. Each
epoch has every clip once and every clip counts the same, but a step no longer sees a fair draw of
the clips: its gradient is that of short clips or of long ones, and clips that are neighbours in
length meet in every epoch. Over an epoch this evens out; from step to step it is a bias.

Shapes   B clips, S audio samples, T frames, V vertices.
Units    audio at 16 kHz; vertices in the dataset's unit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from bench.common.constants import REACH
from bench.common.seeding import generator
from bench.config import StageConfig
from bench.data import AUDIO_RATE, Batch, Clip


class Item(NamedTuple):
    """Frames [start, stop) of a clip."""

    clip: Clip
    start: int
    stop: int


class Loader:
    """Batches of training items for one stage.

    Raises ValueError when a clip has no style, or is shorter than the window.
    """

    def __init__(
        self, clips: Sequence[Clip], fps: float, config: StageConfig, seed: int, stage: str
    ):
        if not clips:
            raise ValueError("expected at least one training clip, got none")
        for clip in clips:
            _check(clip, config)
        self.clips, self.fps, self.config, self.seed, self.stage = clips, fps, config, seed, stage

    @property
    def steps_per_epoch(self) -> int:
        """Steps that see every clip once."""
        return self.config.steps_per_epoch(len(self.clips))

    def batches(self, step: int) -> Iterator[Batch]:
        """The items of step 0, 1, 2, ... in batches of ``batch_size``: ``accumulate`` of them, or
        what the epoch has left."""
        for items in self._items(step):
            yield collate(items, self.fps)

    def num_clips(self, step: int) -> int:
        """Clips of a step; at the end of an epoch there may be fewer."""
        return sum(len(chosen) for chosen in self._chosen(step))

    def whole_clips(self) -> Iterator[Batch]:
        """Every clip once, whole and alone; for validation."""
        for clip in self.clips:
            yield collate([Item(clip, 0, clip.num_frames)], self.fps)

    def _items(self, step: int) -> list[list[Item]]:
        draws = generator(self.seed, self.stage, "window", step)
        return [[self._item(self.clips[i], draws) for i in chosen] for chosen in self._chosen(step)]

    def _chosen(self, step: int) -> list[list[int]]:
        """Numbers of the clips of a step, batch by batch."""
        epoch, position = divmod(step, self.steps_per_epoch)
        first = position * self.config.accumulate
        return self._epoch(epoch)[first : first + self.config.accumulate]

    def _epoch(self, epoch: int) -> list[list[int]]:
        """Every clip once, in batches."""
        size, total = self.config.batch_size, len(self.clips)
        draws = generator(self.seed, self.stage, "order", epoch)
        order = torch.randperm(total, generator=draws).tolist()
        if self.config.batches == "shuffled":
            return [order[first : first + size] for first in range(0, total, size)]
        order.sort(key=lambda i: self.clips[i].num_frames)  # keeps the order of equal lengths
        number = self.config.batches_per_epoch(total)
        # the smaller batch is any one: at the end it would always be the longest clips'
        smaller = int(torch.randint(number, (), generator=draws))
        missing = number * size - total
        cuts = [k * size - (missing if k > smaller else 0) for k in range(number + 1)]
        every = [order[a:b] for a, b in pairwise(cuts)]
        return [every[k] for k in torch.randperm(number, generator=draws).tolist()]

    def _item(self, clip: Clip, draws: Generator) -> Item:
        window = self.config.window
        if window == "clip":
            return Item(clip, 0, clip.num_frames)
        length = 2 if window == "pairs" else int(window)
        start = int(torch.randint(clip.num_frames - length + 1, (), generator=draws))
        return Item(clip, start, start + length)


def under_all_styles(clips: Sequence[Clip], num_styles: int) -> list[Clip]:
    """Clips with a style of their own, and those without (VOCASET's validation) once per style.

    A loss over them is the mean over all styles, as published training code validates.
    """
    return [
        clip if style is None else replace(clip, style=style)
        for clip in clips
        for style in ([None] if clip.style is not None else range(num_styles))
    ]


def collate(items: Sequence[Item], fps: float) -> Batch:
    """Items side by side: audio padded with zeros, vertices with their last frame."""
    vertices = [item.clip.frames(item.start, item.stop) for item in items]
    audio = [_audio(item, fps) for item in items]
    num_frames = [len(v) for v in vertices]
    return Batch(
        names=tuple(item.clip.name for item in items),
        audio=torch.nn.utils.rnn.pad_sequence(audio, batch_first=True),
        vertices=torch.stack([_repeat_last(v, max(num_frames)) for v in vertices]),
        num_frames=torch.tensor(num_frames),
        template=torch.stack([item.clip.template for item in items]),
        style=torch.tensor([item.clip.style or 0 for item in items]),
    )


def _audio(item: Item, fps: float) -> Tensor:
    """The samples under an item's frames and their reach; all of them for a whole clip."""
    if (item.start, item.stop) == (0, item.clip.num_frames):
        return item.clip.audio
    first, last = (round(frame / fps * AUDIO_RATE) for frame in (item.start, item.stop))
    return item.clip.audio[first : last + REACH]


def _repeat_last(vertices: Tensor, length: int) -> Tensor:
    return torch.cat([vertices, vertices[-1:].expand(length - len(vertices), -1, -1)])


def _check(clip: Clip, config: StageConfig) -> None:
    if clip.style is None:
        raise ValueError(f"{clip.name}: subject {clip.subject} is no training subject")
    least = {"clip": 1, "pairs": 2}.get(str(config.window)) or int(config.window)
    if clip.num_frames < least:
        raise ValueError(
            f"{clip.name}: window needs {least} frames, the clip has {clip.num_frames}; "
            "use a shorter train.window"
        )
