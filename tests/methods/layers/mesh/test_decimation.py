"""Survivors by hand on a few triangles; exact counts at full size; the cache of hierarchies."""

import os
import subprocess
import sys

import numpy as np
import pytest

from methods.layers.mesh import decimation
from methods.layers.mesh.decimation import Hierarchy, build_hierarchy, decimate


def quarter(count: int) -> int:
    return -(-count // 4)


def assert_sound(faces: np.ndarray, num_vertices: int) -> None:
    """No triangle has a corner twice, and every vertex has a triangle."""
    assert (faces != np.roll(faces, 1, axis=1)).all()
    assert np.unique(faces).tolist() == list(range(num_vertices))


def test_equal_costs_go_by_index_and_the_smaller_index_stays():
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=np.float32)
    kept, faces = decimate(square, np.array([[0, 1, 2], [0, 2, 3]]), 3)
    assert kept.tolist() == [0, 2, 3]  # the first edge, 0-1, lost its larger end
    assert faces.tolist() == [[0, 1, 2]]


def test_the_end_nearer_to_the_planes_of_both_ends_stays():
    # a strip that bends by 45 degrees behind vertices 2, 3 and again behind 4, 5
    bend = np.array([[0, 0, 0], [0, 1, 0], [4, 0, 0], [4, 1, 0], [5, 0, 1], [5, 1, 1]])
    strip = np.array([[0, 2, 1], [2, 3, 1], [2, 4, 3], [4, 5, 3]])
    vertices = bend.astype(np.float32)
    mesh = decimation._CollapsingMesh(vertices, strip)
    # planes of 0: z = 0 once; of 2: z = 0 twice and the slope once. Point 2 lies in all of them,
    # point 0 is 4 / sqrt(2) from the slope
    assert mesh.collapse_cost(0, 2) == (0.0, 2, 0)
    # planes of 1: z = 0 twice; of 5: the slope once. Point 5 is 1 from each z = 0, 0 from the slope
    assert mesh.collapse_cost(1, 5) == (pytest.approx(2.0), 5, 1)


def test_flat_vertices_go_before_a_peak(wavy_grid):
    vertices, faces = wavy_grid(7, 7)
    vertices[:, 2] = 0
    vertices[24, 2] = 3.0
    kept, coarse = decimate(vertices, faces, 8)
    assert 24 in kept
    assert_sound(coarse, 8)


@pytest.mark.parametrize("shape", ["sphere", "hills", "plane"])
def test_counts_are_exact_and_survivors_are_a_subset_with_a_sound_mesh(icosphere, wavy_grid, shape):
    vertices, faces = icosphere(3) if shape == "sphere" else wavy_grid(26, 25)
    if shape == "plane":
        vertices[:, 2] = 0  # every cost is 0: nothing but the order of indices decides
    for _ in range(3):
        target = quarter(len(vertices))
        kept, faces = decimate(vertices, faces, target)
        assert len(kept) == target and (np.diff(kept) > 0).all() and kept[-1] < len(vertices)
        vertices = vertices[kept]
        assert_sound(faces, target)


def test_a_closed_surface_stays_closed(icosphere):
    vertices, faces = icosphere(3)
    for _ in range(3):
        kept, faces = decimate(vertices, faces, quarter(len(vertices)))
        vertices = vertices[kept]
        edges = {frozenset(e) for f in faces.tolist() for e in zip(f, f[1:] + f[:1], strict=True)}
        assert len(vertices) - len(edges) + len(faces) == 2  # Euler's formula
    # and its shape: still a sphere, seen from all sides
    assert np.abs(vertices.mean(axis=0)).max() < 0.25 and np.ptp(vertices, axis=0).min() > 1.5


def test_a_collapse_that_would_cost_too_many_vertices_is_passed_over(icosphere, side_by_side):
    triangle = np.eye(3, dtype=np.float32), np.array([[0, 1, 2]])
    vertices, faces = side_by_side(triangle, icosphere(1))
    kept, coarse = decimate(vertices, faces, 44)  # the flat triangle is cheapest, and would cost 3
    assert kept[:3].tolist() == [0, 1, 2]
    assert_sound(coarse, 44)
    kept, _ = decimate(vertices, faces, 42)
    assert kept.tolist() == list(range(3, 45))


def test_a_count_that_no_collapse_reaches_is_refused():
    vertices = np.random.default_rng(0).normal(size=(6, 3))
    two_triangles = np.array([[0, 1, 2], [3, 4, 5]])
    with pytest.raises(
        ValueError, match="6 vertices cannot be reduced to 5 .only to 6.; use fewer"
    ):
        decimate(vertices, two_triangles, 5)


def test_a_hierarchy_has_spirals_of_every_level_but_the_last(icosphere, cache):
    vertices, faces = icosphere(3)
    hierarchy = build_hierarchy(vertices, faces, kernel_size=5, dilation=2, num_layers=3)
    assert hierarchy.levels == [642, 161, 41, 11]
    assert [kept.shape for kept in hierarchy.kept] == [(161,), (41,), (11,)]
    assert [spirals.shape for spirals in hierarchy.spirals] == [(642, 5), (161, 5), (41, 5)]
    for level, spirals in enumerate(hierarchy.spirals):
        assert (spirals[:, 0] == np.arange(hierarchy.levels[level])).all()
        assert_sound(hierarchy.faces[level], hierarchy.levels[level])


def test_a_vertex_without_a_triangle_is_never_a_survivor(icosphere, cache):
    vertices, faces = icosphere(2)
    stray = np.concatenate([vertices, np.zeros((5, 3), dtype=np.float32)])
    hierarchy = build_hierarchy(stray, faces, kernel_size=5, dilation=1, num_layers=2)
    assert hierarchy.levels == [167, 41, 11]
    assert hierarchy.kept[0].max() < 162


def test_full_size_meshes_reach_the_published_counts(wavy_grid, cache):
    vertices, faces = wavy_grid(114, 205)
    counts = [len(vertices)]
    for _ in range(4):
        kept, faces = decimate(vertices, faces, quarter(len(vertices)))
        vertices = vertices[kept]
        counts.append(len(vertices))
    assert counts == [23370, 5843, 1461, 366, 92]
    vertices, faces = wavy_grid(72, 70)
    faces = faces[(faces < 5023).all(axis=1)]  # the last row of the grid is cut short
    hierarchy = build_hierarchy(vertices[:5023], faces, kernel_size=9, dilation=2, num_layers=4)
    assert hierarchy.levels == [5023, 1256, 314, 79, 20]


def test_the_same_mesh_gives_the_same_hierarchy_in_any_process(icosphere, cache):
    hierarchy = decimation._build(*icosphere(2), 5, 1, 2)
    script = (
        "import sys, numpy as np; from methods.layers.mesh.decimation import _build\n"
        "mesh = np.load(sys.argv[1]); print(_build(mesh['v'], mesh['f'], 5, 1, 2).sha256)"
    )
    file = cache.parent / "mesh.npz"
    vertices, faces = icosphere(2)
    np.savez(file, v=vertices, f=faces)
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    run = subprocess.run(
        [sys.executable, "-c", script, file], env=environment, capture_output=True, text=True
    )
    assert run.stdout.strip() == hierarchy.sha256, run.stderr


def test_the_hash_covers_every_index(icosphere, cache):
    hierarchy = build_hierarchy(*icosphere(2), kernel_size=5, dilation=1, num_layers=2)
    for name in ("kept", "faces", "spirals"):
        arrays = [array.copy() for array in getattr(hierarchy, name)]
        arrays[1].flat[-1] += 1
        other = Hierarchy(**{**vars(hierarchy), name: tuple(arrays)})
        assert other.sha256 != hierarchy.sha256


def test_a_cached_hierarchy_is_read_instead_of_built(icosphere, cache, monkeypatch):
    vertices, faces = icosphere(2)
    built = build_hierarchy(vertices, faces, 5, 1, 2)
    monkeypatch.setattr(decimation, "decimate", None)  # calling it would be an error
    read = build_hierarchy(vertices.astype(np.float64), faces.astype(np.int32), 5, 1, 2)
    assert read.sha256 == built.sha256
    assert read.levels == built.levels == [162, 41, 11]
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("change", ["vertices", "faces", "kernel", "dilation", "layers", "version"])
def test_the_cache_tells_different_hierarchies_apart(icosphere, cache, monkeypatch, change):
    vertices, faces = icosphere(2)
    build_hierarchy(vertices, faces, 5, 1, 2)
    if change == "version":
        monkeypatch.setattr(decimation, "ALGORITHM", decimation.ALGORITHM + 1)
    build_hierarchy(
        np.nextafter(vertices, 9) if change == "vertices" else vertices,
        faces[::-1] if change == "faces" else faces,
        kernel_size=6 if change == "kernel" else 5,
        dilation=2 if change == "dilation" else 1,
        num_layers=1 if change == "layers" else 2,
    )
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("damage", ["truncated", "not an archive", "empty", "an array lost"])
def test_a_damaged_cache_file_is_refused_with_what_to_do(icosphere, cache, damage):
    build_hierarchy(*icosphere(2), 5, 1, 2)
    (file,) = cache.iterdir()
    if damage == "an array lost":
        np.savez(file, kept_0=np.arange(3))
    else:
        whole = file.read_bytes()
        file.write_bytes({"truncated": whole[:-200], "not an archive": b"x" * 99}.get(damage, b""))
    with pytest.raises(ValueError, match=f"{file.name} is damaged .*; delete it"):
        build_hierarchy(*icosphere(2), 5, 1, 2)


def test_a_cache_file_with_another_index_is_refused(icosphere, cache):
    build_hierarchy(*icosphere(2), 5, 1, 2)
    (file,) = cache.iterdir()
    with np.load(file) as stored:
        arrays = dict(stored)
    arrays["kept_1"][0] += 1
    np.savez(file, **arrays)
    with pytest.raises(ValueError, match=f"{file.name} does not match the hash stored in it"):
        build_hierarchy(*icosphere(2), 5, 1, 2)


def test_a_template_that_is_no_mesh_is_refused(icosphere, cache):
    vertices, faces = icosphere(1)
    with pytest.raises(ValueError, match="vertices 0 to 39 of the template"):
        build_hierarchy(vertices[:40], faces, 5, 1, 1)
    with pytest.raises(ValueError, match="one mesh"):
        build_hierarchy(vertices, faces[:0], 5, 1, 1)
    vertices[3, 1] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        build_hierarchy(vertices, faces, 5, 1, 1)


def test_a_mesh_too_small_for_its_layers_is_refused(icosphere, cache):
    with pytest.raises(ValueError, match="needs 18 vertices, the mesh has 11"):
        build_hierarchy(*icosphere(1), kernel_size=9, dilation=2, num_layers=2)
    assert not cache.exists()
