"""The z-buffer by hand: near hides far, and colours are where their vertices are."""

import numpy as np
import pytest

from reports.heads.head import eyes, holes, picture, pose
from reports.heads.render import OUTSIDE, interpolate, rasterise, rotate, shade, vertex_normals

SQUARE = np.array([[0, 0], [8, 0], [8, 8], [0, 8]], dtype=float)
TWO = np.array([[0, 1, 2], [0, 2, 3]])


def grid_mesh(side: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """A flat square patch facing the viewer."""
    axis = np.linspace(-1, 1, side)
    x, y = (values.ravel() for values in np.meshgrid(axis, axis))
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + side + 1], 1),
            np.stack([corner, corner + side + 1, corner + side], 1),
        ]
    )
    return np.stack([x, y, np.zeros_like(x)], 1), faces


def test_two_triangles_fill_their_square_once() -> None:
    found = rasterise(SQUARE, np.zeros(4), TWO, 10).face.reshape(10, 10)
    assert (found[:8, :8] != OUTSIDE).all()
    assert (found[8:] == OUTSIDE).all() and (found[:, 8:] == OUTSIDE).all()
    assert found[1, 6] == 0 and found[6, 1] == 1


def test_the_nearer_square_hides_the_other_whatever_its_size_and_order() -> None:
    far = np.concatenate([SQUARE * 4, SQUARE + 2])
    depth = np.array([0.0] * 4 + [1.0] * 4)
    for faces, near in (
        (np.concatenate([TWO, TWO + 4]), (2, 3)),
        (np.concatenate([TWO + 4, TWO]), (0, 1)),
    ):
        found = rasterise(far, depth, faces, 32).face.reshape(32, 32)
        assert np.isin(found[2:10, 2:10], near).all()
        assert not np.isin(found[12:], near).any()


def test_of_two_equal_squares_the_nearer_one_is_seen() -> None:
    both, depth = np.concatenate([SQUARE, SQUARE]), np.array([0.0] * 4 + [1.0] * 4)
    for faces, near in (
        (np.concatenate([TWO, TWO + 4]), (2, 3)),
        (np.concatenate([TWO + 4, TWO]), (0, 1)),
    ):
        assert np.isin(rasterise(both, depth, faces, 8).face, near).all()


def test_barycentric_weights_give_back_positions() -> None:
    fragments = rasterise(SQUARE, np.zeros(4), TWO, 8)
    places = interpolate(fragments, SQUARE, TWO)
    y, x = np.divmod(np.arange(64), 8)
    assert np.allclose(places, np.stack([x, y], 1) + 0.5)


def test_pixels_outside_the_picture_are_left_out() -> None:
    found = rasterise(SQUARE * 10 - 40, np.zeros(4), TWO, 8)
    assert (found.face != OUTSIDE).all()


def test_normals_of_a_flat_patch_point_to_the_viewer() -> None:
    vertices, faces = grid_mesh()
    assert np.allclose(vertex_normals(vertices, faces), [0, 0, 1])


def test_a_patch_is_equally_bright_from_both_sides() -> None:
    vertices, faces = grid_mesh(3)
    pixels = vertices[:, :2] * 4 + 4
    fragments = rasterise(pixels, vertices[:, 2], faces, 8)
    front = shade(fragments, vertex_normals(vertices, faces), faces)[1]
    back = shade(fragments, -vertex_normals(vertices, faces), faces)[1]
    assert np.allclose(front, back)
    assert front.min() > 0.8


def test_turning_keeps_lengths() -> None:
    vertices = np.array([[1.0, 2.0, 3.0]], dtype=np.float32)
    assert np.linalg.norm(rotate(vertices, 30.0, 10.0)) == pytest.approx(np.linalg.norm(vertices))
    assert np.allclose(rotate(vertices, 90.0), [[3, 2, -1]])


def test_an_eye_is_a_hole_but_a_border_and_a_slit_are_not() -> None:
    vertices, faces = grid_mesh(9)
    middle = (faces[:, None] == [40]).any(axis=(1, 2))
    open_faces = faces[~middle]
    assert [sorted(hole) for hole in holes(open_faces)] == [[30, 31, 39, 41, 49, 50]]
    assert len(eyes(vertices, open_faces)) == 1
    flattened = vertices.copy()
    flattened[[30, 31, 39, 41, 49, 50], 1] = 0
    assert eyes(flattened, open_faces) == []


def test_colours_are_where_their_vertices_are() -> None:
    vertices, faces = grid_mesh()
    head = pose(vertices.astype(np.float32), faces.astype(np.int32), size=40, yaw=0.0, pitch=0.0)
    values = (vertices[:, 0] > 0).astype(float)

    def red_if_large(numbers: np.ndarray) -> np.ndarray:
        return np.stack([numbers > 0.5, numbers <= 0.5, numbers * 0, numbers * 0 + 1], -1).astype(
            float
        )

    image = picture(head, values, red_if_large)
    assert image.shape == (40, 40, 4)
    left, right = image[20, 8], image[20, 32]
    assert left[1] > 200 and left[0] == 0
    assert right[0] > 200 and right[1] == 0
    assert image[0, 0, 3] == 0 and image[20, 20, 3] == 255
