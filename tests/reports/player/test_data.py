"""Data of the 3D player: what is written, how exact it is, and from which predictions."""

import base64
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from decoding import restore

from bench.dataset.reader import load_dataset
from bench.evaluation.kept_samples import kept_name, write_kept
from bench.results import MethodResults, RunResult
from reports.player import ClipView, Track, write_clip, write_player
from reports.player.clips import error_scale
from reports.player.codec import BITS, lattice_of, pack, pack_positions, quantise
from reports.player.view import clip_view


def bent(frames: int = 12, swing: float = 0.02) -> np.ndarray:
    """(T, 30, 3) of a sheet in m whose lower half moves."""
    y, x = np.divmod(np.arange(30), 6)
    points = np.stack([x, y, 0.3 * np.cos(x)], axis=1) * 0.02
    motion = np.repeat(points[None], frames, axis=0)
    motion[:, :15, 1] -= swing * np.sin(np.arange(frames))[:, None] ** 2
    return motion.astype(np.float32)


def sheet() -> np.ndarray:
    """(F, 3) of it."""
    corner = (np.arange(4)[:, None] * 6 + np.arange(5)).reshape(-1, 1)
    return np.concatenate([corner + [0, 1, 7], corner + [0, 7, 6]])


def view(**changes) -> ClipView:
    """A ground truth, a method, and one that draws seven samples."""
    tracks = [
        Track("ground_truth", "ground truth", [bent()], False),
        Track("still", "Still", [bent(swing=0.0)], True),
        Track("dice", "Dice", [bent(10, 0.02 + k / 100) for k in range(7)], True, 7),
    ]
    made = ClipView("toy-a", "toy", "a", 25.0, sheet(), tracks, None, "mm", True, 1000.0)
    return replace(made, **changes)


def document(path: Path) -> dict:
    """The object that a data file registers."""
    found = re.search(r'\["toy-a"\] = (\{.*\});\n$', path.read_text())
    assert found
    return json.loads(found[1])


def unpack(text: str, num_bytes: int) -> np.ndarray:
    """The inverse of pack, from its words alone."""
    filter_and_planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    planes = filter_and_planes[1:].reshape(num_bytes, -1)
    codes = sum(planes[i].astype(np.int64) << 8 * i for i in range(num_bytes))
    return np.where(codes % 2, -(codes + 1) // 2, codes // 2)


def test_numbers_of_either_sign_come_back() -> None:
    numbers = np.array([0, -1, 1, 300, -32768, 32767])
    assert (unpack(pack(numbers, 2), 2) == numbers).all()
    with pytest.raises(ValueError, match="32768 does not fit into 2 bytes"):
        pack(np.array([32768]), 2)


def test_the_zlib_of_the_system_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each system's packs in its own way."""
    expected = pack(np.arange(300) % 7, 2)
    for name in ("compress", "compressobj"):
        monkeypatch.setattr(zlib, name, None)
    assert pack(np.arange(300) % 7, 2) == expected
    assert (unpack(expected, 2) == np.arange(300) % 7).all()


def test_positions_come_back_within_half_a_step() -> None:
    motion = bent() + np.random.default_rng(0).normal(0, 1e-3, (12, 30, 3)).astype(np.float32)
    grid = lattice_of([motion])
    assert grid.step == pytest.approx(np.ptp(motion, axis=(0, 1)).max() / (2**BITS - 1))
    numbers = quantise(motion, grid)
    off = np.abs(restore(numbers, grid).astype(np.float64) - motion)
    assert off.max() <= grid.step / 2 * (1 + 1e-3)  # float32 rounds once more
    assert off.max() > grid.step / 4  # the grid is no finer than it says
    moved = unpack(pack_positions(numbers), 2).reshape(3, 12, 30).cumsum(axis=2).cumsum(axis=1)
    assert (moved.transpose(1, 2, 0) == numbers).all()


def test_a_face_that_does_not_move_at_all_has_a_grid() -> None:
    point = np.zeros((4, 30, 3), np.float32)
    assert (restore(quantise(point, lattice_of([point])), lattice_of([point])) == 0).all()


def test_the_files_of_a_clip(tmp_path: Path) -> None:
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"RIFF")
    files = write_clip(tmp_path / "assets", view(sound=sound))
    assert (files.data, files.still, files.sound) == (
        "clips/toy-a.js",
        "clips/toy-a.png",
        "clips/toy-a.wav",
    )
    sizes = [
        (tmp_path / "assets" / name).stat().st_size
        for name in (files.data, files.still, files.sound)
    ]
    assert files.num_bytes == sum(sizes) and min(sizes) > 0
    assert files.still_text == "Heads at 0.00 s of clip a: ground truth, Still, Dice."
    found = document(tmp_path / "assets" / files.data)
    assert [track["drawn"] for track in found["tracks"]] == [1, 1, 7]
    assert [len(track["samples"]) for track in found["tracks"]] == [1, 1, 5]
    assert files.left_out == 2
    steps = [track["step"] for track in found["tracks"]]
    assert files.step == pytest.approx(1000 * max(steps))
    assert (unpack(found["faces"], 4).cumsum().reshape(-1, 3) == sheet()).all()
    assert (found["frames"], found["tracks"][2]["samples"][0]["frames"]) == (12, 10)


def test_the_same_view_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_player(tmp_path / name)
        write_clip(tmp_path / name, view())
    files = sorted(path for path in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 4
    for path in files:
        assert (
            path.read_bytes()
            == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
        )


def test_the_colour_scale_ends_above_nearly_all_distances() -> None:
    still = view().tracks[:2]
    distances = 1000 * np.linalg.norm(still[1].samples[0] - still[0].samples[0], axis=-1)
    largest = np.percentile(distances, 99)
    assert largest <= error_scale(view(tracks=still)) <= 1.5 * largest
    assert error_scale(view(tracks=[still[0], replace(still[0], error_of=True)])) == 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "../a"}, "expected letters"),
        ({"tracks": []}, "expected a ground truth"),
        ({"fps": 0.0}, "frames per second above 0"),
        ({"faces": np.array([[0, 1, 30]])}, "30 do not have"),
        ({"tracks": [Track("t", "t", [np.full((2, 30, 3), np.nan, np.float32)], False)]}, "NaN"),
        ({"sound": Path("absent.wav")}, "absent.wav does not exist"),
    ],
)
def test_what_cannot_be_shown_is_refused(tmp_path: Path, changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        write_clip(tmp_path, view(**changes))


def test_one_with_another_number_of_vertices_is_refused(tmp_path: Path) -> None:
    other = Track("other", "Other", [bent()[:, :20]], True)
    with pytest.raises(ValueError, match=r"other: expected \(T, 30, 3\), got \(12, 20, 3\)"):
        write_clip(tmp_path, view(tracks=[view().tracks[0], other]))


def test_a_view_is_made_of_stored_predictions(prepared: Path, tmp_path: Path, make) -> None:
    data = load_dataset("toy", prepared)
    clip = replace(data.clips("test_a")[0], words=(("hum", 0.0, 0.5),))
    draws = np.stack([clip.vertices.numpy() + k / 1000 for k in range(3)]).astype(np.float32)
    path = tmp_path / "runs" / "gldi-key" / kept_name("test_a", clip.name, clip.subject)
    write_kept(path, list(draws), 10, 0.0)
    rows = (
        make.method_results(
            "gldi",
            (
                RunResult(seed=0, status="failed", reason="no memory"),
                RunResult(seed=2, status="done", keys={"predict": "gldi-key"}),
            ),
        ),
        make.method_results("faceformer", ()),
        make.method_results("voca", (RunResult(seed=0, status="failed", reason="no memory"),)),
        make.method_results("ridge", (RunResult(seed=0, status="done", keys={"predict": "gone"}),)),
        make.method_results("mean", (RunResult(seed=1, status="done", keys={"predict": "gone"}),)),
        make.method_results("oracle", ()),
    )
    found = clip_view(rows, tmp_path / "runs", data, clip)
    assert [track.name for track in found.tracks] == ["ground_truth", "gldi", "oracle"]
    assert (np.stack(found.tracks[1].samples) == draws).all()
    assert [track.drawn for track in found.tracks] == [1, 10, 1]
    assert (found.truth == clip.vertices.numpy()).all()
    take = data.takes(clip)[1].vertices.numpy()
    assert (found.tracks[2].samples[0] == take).all() and not (take == found.truth).all()
    assert found.missing == {
        "voca": "VOCA: its run failed: no memory",
        "ridge": "ridge regression: its predictions are not in this machine's cache",
        "mean": "mean motion: its predictions are not in this machine's cache",
        "faceformer": "FaceFormer: it has no runs",
    }
    assert found.remark == "Runs shown: seed 2."
    assert (found.unit, found.per_unit, found.generated) == ("mm", 1000.0, True)
    assert found.sound == clip.audio_path
    assert (found.words, found.phones) == (clip.words, clip.phonemes)


def test_an_unseen_subject_is_shown_in_the_style_of_the_figures(
    prepared: Path, tmp_path: Path, make
) -> None:
    from bench.evaluation.predict import shown_style

    data = load_dataset("toy", prepared)
    clip = data.clips("test_b")[0]
    for k, style in enumerate(data.spec.styles):
        path = tmp_path / "key" / kept_name("test_b", clip.name, style)
        write_kept(path, [clip.vertices.numpy() + np.float32(k)], 1, 0.0)
    run = RunResult(seed=0, status="done", keys={"predict": "key"})
    row: MethodResults = make.method_results("gldi", (run,))
    found = clip_view((row,), tmp_path, data, clip)
    away = found.tracks[1].samples[0] - found.truth
    style = shown_style(data, clip)
    assert away.mean() == pytest.approx(style, abs=1e-5)
    assert found.remark.endswith(f"all methods speak in the style of {data.spec.styles[style]}.")
