"""How large motion is: what `motion_scale: train_std` divides offsets by.

Shapes   T frames, V vertices.
Units    the dataset's.
"""

from collections.abc import Sequence

from bench.data import Clip


def rms_motion(clips: Sequence[Clip]) -> float:
    """Root mean square of the offsets from the templates, over all frames, vertices and axes.

    One pass, one clip in memory at a time. Raises ValueError for clips that do not move.
    """
    squares, count = 0.0, 0
    for clip in clips:
        motion = clip.vertices - clip.template  # (T, V, 3)
        squares += float(motion.double().square().sum())
        count += motion.numel()
    if not squares:
        raise ValueError("The training clips do not move; prepare the dataset again")
    return (squares / count) ** 0.5
