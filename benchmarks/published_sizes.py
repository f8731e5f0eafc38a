"""Sizes of datasets as they are published, or assumed; the data itself is not needed.

Units    frames at ``fps`` per second.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A dataset's sizes as they are published, or assumed."""

    name: str
    preset: str
    vertices: int
    fps: float
    styles: int  # training subjects
    train_clips: int
    frames: int  # of an average clip
    own_style: int  # test clips of seen subjects: all samples, and one more for listening
    unseen: int  # test clips of other subjects: one prediction in every style

    def predictions(self, num_samples: int) -> int:
        """Samples drawn for all tables."""
        return self.own_style * (num_samples + 1) + self.unseen * self.styles


# BIWI's clips last 4.67 s on average; those of its Test-A are longer, 3879 frames in 24 clips.
# 314 clips of VOCASET are those whose files are there; 4 s for its average clip are assumed
BIWI = Published("biwi", "biwi-paper", 23370, 25.0, 6, 192, 117, own_style=24, unseen=32)
VOCASET = Published("vocaset", "vocaset-paper", 5023, 30.0, 8, 314, 120, own_style=0, unseen=40)
SYNTHETIC = Published("synthetic", "synthetic-mini", 1300, 25.0, 6, 60, 20, own_style=12, unseen=4)
