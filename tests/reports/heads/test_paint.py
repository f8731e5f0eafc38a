"""Painted parts in pictures: in their colours where they are in front, nowhere else."""

import numpy as np

from reports.heads.camera import aim, render

RED = np.array([[200, 0, 0]] * 3, np.uint8)
PAINT = np.array([[0, 1, 2]]), RED


def plate() -> tuple[np.ndarray, np.ndarray]:
    """A plate of 9 x 9 vertices with a hole in its middle, which is taken for an eye."""
    y, x = np.divmod(np.arange(81), 9)
    corner = np.array([9 * r + c for r in range(8) for c in range(8)])
    faces = np.concatenate([corner[:, None] + [0, 1, 10], corner[:, None] + [0, 10, 9]])
    faces = faces[~(faces == 40).any(axis=1)]
    return np.stack([x - 4.0, y - 4.0, 0 * x], axis=1), faces


def with_triangle(depth: float) -> np.ndarray:
    """(1, 84, 3): the plate and a triangle before or behind the hole and what is around it."""
    corners = np.array([[-2, -2, depth], [2, -2, depth], [0, 3, depth]])
    return np.concatenate([plate()[0], corners])[None]


def reddish(picture: np.ndarray) -> np.ndarray:
    return (picture[..., 0] > 90) & (picture[..., 1:] < 10).all(axis=2)


def test_parts_are_seen_before_the_skin_and_through_its_holes() -> None:
    _, faces = plate()
    shares = []
    for depth in (0.5, -0.5):
        motion = with_triangle(depth)
        picture = render(aim(motion, faces, 64, PAINT), motion[0])
        shares.append(reddish(picture).mean())
    before, behind = shares
    assert before > 2 * behind > 0.02


def test_the_rest_of_the_picture_is_that_of_the_skin_alone() -> None:
    template, faces = plate()
    alone = render(aim(template[None], faces, 64), template)
    motion = with_triangle(-0.5)
    painted = render(aim(motion, faces, 64, PAINT), motion[0])
    differ = (alone != painted).any(axis=2)
    assert reddish(painted).any() and differ[reddish(painted)].all()
    ys, xs = np.nonzero(differ)
    assert np.ptp(xs) < 24 and np.ptp(ys) < 24  # the hole and nothing around it


def test_parts_do_not_move_the_camera() -> None:
    template, faces = plate()
    motion = with_triangle(-0.5)
    motion[:, 81:] *= 30
    alone = aim(template[None], faces, 64)
    painted = aim(motion, faces, 64, PAINT)
    assert painted.scale == alone.scale and (painted.centre == alone.centre).all()
