"""The page that participants get: what it shows, and that nothing in it names a method."""

import base64
import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from bench.dataset.drawn import Drawn
from bench.dataset.reader import Dataset
from bench.registry.facts import facts_of
from methods import METHODS
from reports.heads.camera import aim
from reports.inputs.published import rated_rows
from reports.inputs.results import read_datasets
from reports.study.__main__ import app
from reports.study.building import blinded, build_study
from reports.study.records import read_key
from reports.study.stimuli import choose, padded, render_clip, shown_clips
from reports.text.labels import GROUND_TRUTH

PAYLOAD = re.compile(r'<script type="text/plain" id="v-([0-9a-f]{8})">([^<]+)</script>')


@pytest.fixture(scope="module")
def videos(built):
    """Stimulus -> bytes of its video."""
    return {name: base64.b64decode(text) for name, text in PAYLOAD.findall(built[0].read_text())}


def decoded(video):
    """(frames (T, S, S, 3), sound (S,), metadata) of a video."""
    with av.open(io.BytesIO(video)) as container:
        about = [dict(container.metadata), *(dict(s.metadata) for s in container.streams)]
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
        container.seek(0)
        sound = [f.to_ndarray().ravel() for f in container.decode(audio=0)]
    return np.stack(frames), np.concatenate(sound), about


def by_clip(key, videos):
    """Clip -> (stimulus, video) of all its versions."""
    groups = {}
    for name, stimulus in key.stimuli.items():
        groups.setdefault(stimulus.clip, []).append((stimulus, videos[name]))
    return groups


def test_every_clip_is_shown_by_every_source_and_two_versions_are_checks(key, videos):
    assert set(videos) == set(key.stimuli)
    shown = sorted((s.clip, s.source) for s in key.rated.values())
    sources = (GROUND_TRUTH, *rated_rows())
    assert shown == sorted((clip, row) for clip in ("F2_05", "F2_06") for row in sources)
    assert sorted(check.kind for check in key.checks.values()) == ["frozen", "other_sound"]


def test_all_versions_of_a_clip_have_one_style_and_the_run_with_the_lowest_seed(key):
    for clip in ("F2_05", "F2_06"):
        assert len({s.style for s in key.stimuli.values() if s.clip == clip}) == 1
    assert {source.seed for source in key.sources} == {None, 0}


def test_nothing_in_the_page_names_a_source(built, videos):
    page, key = built
    text = page.read_text()
    assert text.count("v-") >= len(videos) == 12
    text = PAYLOAD.sub("", text).lower()
    labels = {facts_of(reference).label.lower() for reference in METHODS.values()}
    words = {*METHODS, *labels, "ground truth", "ground_truth"}
    words |= {"frozen", "other_sound", key.blinding, "toy", "f2_05", "f2_06", "m1"}
    words |= {s.key for s in key.sources if s.key}
    text = text.replace("grid-template-columns", "")
    assert [word for word in sorted(words) if re.search(rf"\b{re.escape(word)}\b", text)] == []
    for video in videos.values():
        assert not any(word.encode() in video.lower() for word in words if len(word) > 5)


def test_ids_and_order_say_nothing_of_the_sources(key):
    versions = [(s, s.clip == "F2_06", b"video") for s in key.stimuli.values()]
    turned = versions[::-1]
    items, stimuli = blinded([(s, int(g), v) for s, g, v in versions], "aa")
    others, meant = blinded([(s, int(g), v) for s, g, v in turned], "aa")
    assert [item.id for item in items] == [item.id for item in others] == sorted(stimuli)
    assert stimuli != meant  # the same ids stand for other sources
    again, _ = blinded([(s, int(g), v) for s, g, v in versions], "bb")
    assert not {item.id for item in items} & {item.id for item in again}


def test_two_studies_of_the_same_clips_have_different_ids(built, chosen, invented, tmp_path):
    _, other = build_study(chosen, invented / "runs", tmp_path, 0, 96)
    assert other.blinding != built[1].blinding and other.study != built[1].study
    assert not set(other.stimuli) & set(built[1].stimuli)


def test_videos_of_a_clip_are_alike_in_bytes_frames_sound_and_metadata(key, videos):
    for versions in by_clip(key, videos).values():
        assert len({len(video) for _, video in versions}) == 1
        found = [decoded(video) for _, video in versions]
        assert len({(frames.shape, len(sound), str(about)) for frames, sound, about in found}) == 1
        own = [
            s
            for (stimulus, _), (_, s, _) in zip(versions, found, strict=True)
            if stimulus.check is None or stimulus.check.kind == "frozen"
        ]
        for sound in own[1:]:
            np.testing.assert_array_equal(sound, own[0])


def test_the_clip_is_cut_to_its_shortest_version(key, videos, chosen):
    clip = {clip.name: clip for clip, _ in chosen[0].clips}["F2_05"]
    frames, sound, _ = decoded(next(v for s, v in by_clip(key, videos)["F2_05"]))
    assert len(frames) == clip.num_frames - 3
    assert len(sound) == pytest.approx(16_000 * len(frames) / 25, abs=2048)  # two frames of AAC


def test_every_version_is_framed_alike(chosen, invented, monkeypatch):
    cameras = []

    def look(path, motion, faces, fps, sound, size, paint):
        cameras.append(aim(motion, faces, size, paint))
        path.write_bytes(b"video")

    monkeypatch.setattr("reports.study.stimuli.write_video", look)
    faces = chosen[0].dataset.spec.faces.numpy()
    for versions in shown_clips(chosen[0], invented / "runs", 0):
        cameras.clear()
        render_clip(versions, faces, 25.0, 96)
        assert len(cameras) == len(versions) >= 5
        assert len({(camera.scale, *camera.centre) for camera in cameras}) == 1
        alone = {aim(each.motion, faces, 96).scale for each in versions}
        assert len(alone) > 1  # which left alone they are not


class Avatar(Dataset):
    """The toy dataset as if it had units, and points that they move far away."""

    units = 0.01 * np.random.default_rng(0).normal(size=(2, 42, 3)).astype(np.float32)

    def drawn(self, subject):
        rest, moved = np.ones((3, 3), np.float32), np.full((2, 3, 3), 9, np.float32)
        faces, colours = np.array([[0, 1, 2]], np.int32), np.full((3, 3), 9, np.uint8)
        return Drawn(faces, colours, rest, moved, {"tooth": (0, 3)})


def test_eyes_teeth_and_tongue_are_shown_and_frame_nothing(chosen, invented, monkeypatch):
    cameras = []

    def look(path, motion, faces, fps, sound, size, paint):
        cameras.append(aim(motion, faces, size, paint))
        assert (motion.shape[1], paint is None) in ((42 + 4, True), (42 + 4 + 3, False))
        path.write_bytes(b"video")

    monkeypatch.setattr("reports.study.stimuli.write_video", look)
    faces, toy = chosen[0].dataset.spec.faces.numpy(), chosen[0].dataset
    avatar = replace(chosen[0], dataset=Avatar(toy.folder, toy.manifest))
    for each in (chosen[0], avatar):
        versions = next(iter(shown_clips(each, invented / "runs", 0)))
        render_clip(versions, faces, 25.0, 96)
    plain, painted = np.split(np.array(cameras, dtype=object), 2)
    assert {(c.scale, *c.centre) for c in plain} == {(c.scale, *c.centre) for c in painted}
    assert all(len(c.faces) == len(faces) + 1 for c in painted)


def test_the_checks_are_what_they_say(key, videos):
    for versions in by_clip(key, videos).values():
        truth = next(decoded(v) for s, v in versions if s.source == GROUND_TRUTH and not s.check)
        assert np.abs(np.diff(truth[0].astype(int), axis=0)).max() > 60
        for stimulus, video in versions:
            frames, sound, _ = decoded(video)
            if stimulus.check is not None and stimulus.check.kind == "frozen":
                assert np.abs(np.diff(frames.astype(int), axis=0)).max() < 30
            elif stimulus.check is not None:
                np.testing.assert_array_equal(frames, truth[0])
                assert np.abs(sound - truth[1]).max() > 0.05


def test_padding_is_a_box_that_players_skip():
    assert padded(b"abc", 13) == b"abc\x00\x00\x00\x0afree\x00\x00"
    with pytest.raises(ValueError, match="cannot be padded to 9"):
        padded(b"abc", 9)


def test_the_same_study_has_the_same_bytes(built, chosen, invented, tmp_path):
    page, key = built
    shutil.copyfile(page.parent / "key.json", tmp_path / "key.json")
    again, same = build_study(chosen, invented / "runs", tmp_path, 0, 96)
    assert same == key and again.read_bytes() == page.read_bytes()


def test_a_key_of_another_study_is_never_overwritten(built, chosen, invented, tmp_path):
    shutil.copyfile(built[0].parent / "key.json", tmp_path / "key.json")
    before = (tmp_path / "key.json").read_bytes()
    with pytest.raises(ValueError, match="is the key of another study"):
        build_study(chosen, invented / "runs", tmp_path, 0, 64)
    assert (tmp_path / "key.json").read_bytes() == before
    assert not (tmp_path / "questionnaire.html").exists()


def test_a_key_that_was_changed_by_hand_is_refused(built, tmp_path):
    text = (built[0].parent / "key.json").read_text()
    (tmp_path / "key.json").write_text(text.replace('"source": "gldi"', '"source": "ground_truth"'))
    with pytest.raises(ValueError, match="changed by hand"):
        read_key(tmp_path / "key.json")


def test_clips_are_drawn_with_the_seed(invented, prepared):
    results = read_datasets(invented / "results")
    drawn = {
        seed: choose(results, prepared, ("gldi",), 1, None, seed)[0].clips[0][0].name
        for seed in range(8)
    }
    assert set(drawn.values()) == {"F2_05", "F2_06"}
    again = choose(results, prepared, ("gldi",), 1, None, 3)[0].clips[0][0].name
    assert again == drawn[3]


def command(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--row", "gldy"), "Unknown row of toy 'gldy'. Did you mean 'gldi'?"),
        (("--row", "gldi", "--row", "gldi"), "each row once"),
        (("--dataset", "toi"), "Unknown dataset with results 'toi'. Did you mean 'toy'?"),
        (("--clips", "0"), "expected at least 1"),
        (("--split", "test_c"), "Unknown split 'test_c'"),
        (("--split", "test_a"), "no stored prediction of"),
        (("--size", "9"), "expected 64 to 2048 pixels"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(options, problem, invented, prepared, tmp_path):
    folders = ("--results", invented / "results", "--runs", invented / "runs", "--data", prepared)
    result = command("build", *folders, "--out", tmp_path / "out", *options)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert problem in result.stderr
    assert not Path(tmp_path / "out").exists()


def test_chosen_rows_and_clips_are_built(invented, prepared, tmp_path):
    folders = ("--results", invented / "results", "--runs", invented / "runs", "--data", prepared)
    options = ("--row", "gldi", "--clips", "1", "--size", "64", "--out", tmp_path)
    result = command("build", *folders, *options)
    assert result.exit_code == 0, result.stderr
    assert "2 clips to rate and 2 attention checks" in result.stdout
    key = read_key(tmp_path / "key.json")
    assert {s.source for s in key.rated.values()} == {GROUND_TRUTH, "gldi"}


def test_a_study_of_nothing_is_refused(prepared):
    with pytest.raises(ValueError, match="no dataset has results"):
        choose({}, prepared, ("gldi",), 1, None, 0)
