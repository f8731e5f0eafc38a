"""Scores of predictions made by hand, and of toy runs."""

import json

import numpy as np
import pytest

from bench.config import PredictConfig
from bench.dataset.reader import load_dataset
from bench.evaluation.clip_scores import Face, sample_scores
from bench.evaluation.drawn import Drawn
from bench.evaluation.evaluate import Evaluation, evaluate
from bench.evaluation.kept_samples import read_kept
from bench.evaluation.oracle import evaluate_oracle
from bench.evaluation.predict import requests
from bench.metrics.table import METRICS

MM = 1e-3


def moved(vertices, millimetres):
    """Every vertex moved along x."""
    return vertices + np.float32([millimetres * MM, 0, 0])


@pytest.fixture
def scored(toy, tmp_path):
    """A function from a function (request -> predictions) to the scores of a whole evaluation."""

    def make(predict, num_samples=2, deterministic=False):
        config = PredictConfig(num_samples=num_samples)
        drawn = Drawn(tmp_path / "predict", toy, deterministic)
        for request in requests(toy, config, deterministic):
            drawn.add(request, np.asarray(predict(request), np.float32))
        evaluation = Evaluation(drawn, config)
        evaluate(evaluation, tmp_path / "scores")
        return json.loads((tmp_path / "scores" / "scores.json").read_text())

    return make


def truth(request):
    """The clip itself, as often as it is asked for."""
    return np.stack([request.clip.vertices.numpy()] * request.num_samples)


def test_the_truth_scores_zero_everywhere(scored):
    scores = scored(truth)
    for split in ("test_a", "test_b"):
        metrics = scores["splits"][split]["metrics"]
        for name in ("lve", "lve_l2", "fdd", "fdd_abs", "mve", "velocity_error"):
            assert metrics[name]["value"] == pytest.approx(0, abs=1e-12)
        assert metrics["mouth_opening_correlation"]["value"] == pytest.approx(1)
    assert scores["splits"]["test_a"]["metrics"]["diversity"]["value"] == 0
    assert scores["heatmap"]["correlation"] == pytest.approx(1)
    assert scores["heatmap"]["mouth_share"] == scores["heatmap"]["ground_truth_mouth_share"]
    assert scores["listening"] == {"own": 0, "other": 0, "ratio": None}


def test_every_metric_of_the_table_is_there(scored):
    scores = scored(truth)["splits"]
    assert set(scores["test_a"]["metrics"]) == set(METRICS)
    one = {name for name, metric in METRICS.items() if metric.needs == "sample"}
    assert set(scores["test_b"]["metrics"]) == one


def test_scores_use_sample_zero_and_diversity_all_samples(scored):
    metrics = scored(lambda r: [moved(x, 3 * k) for k, x in enumerate(truth(r))])["splits"][
        "test_a"
    ]
    assert metrics["metrics"]["mve"]["value"] == pytest.approx(0, abs=1e-9)
    assert metrics["metrics"]["diversity"]["value"] == pytest.approx(3 * MM, rel=1e-4)
    assert metrics["metrics"]["mee"]["value"] == pytest.approx((1.5 * MM) ** 2, rel=1e-3)
    assert metrics["conditioning"] == "own style"


def test_one_sample_of_a_method_that_draws_has_no_diversity(scored):
    """Zero would say that it always says the same."""
    metrics = scored(truth, num_samples=1)["splits"]["test_a"]["metrics"]
    assert metrics["diversity"]["value"] is None
    assert metrics["lve"]["value"] is not None


def test_a_deterministic_methods_diversity_is_exactly_zero(scored):
    metrics = scored(lambda r: moved(truth(r), 2), deterministic=True)["splits"]["test_a"][
        "metrics"
    ]
    assert metrics["diversity"]["value"] == 0.0
    assert [clip["weight"] > 0 for clip in metrics["diversity"]["clips"]] == [True] * 4
    assert metrics["mee"]["value"] == metrics["lve"]["value"] == metrics["ce"]["value"]


def test_both_are_cut_to_the_shorter_and_what_is_cut_is_counted(scored, toy):
    frames = {clip.name: clip.num_frames for s in ("test_a", "test_b") for clip in toy.clips(s)}
    scores = scored(lambda r: truth(r)[:, : 20 if r.clip.name == "F1_06" else None])["splits"]
    ours = sum(frames[name] for name in ("F1_05", "F1_06", "M1_05", "M1_06"))
    assert scores["test_a"]["frames_scored"] == ours - frames["F1_06"] + 20
    assert scores["test_a"]["frames_cut"] == frames["F1_06"] - 20
    assert scores["test_b"]["frames_scored"] == 2 * (frames["F2_05"] + frames["F2_06"])
    assert scores["test_b"]["frames_cut"] == 0
    weights = {c["clip"]: c["weight"] for c in scores["test_a"]["metrics"]["lve"]["clips"]}
    assert weights["F1_06"] == 20 and weights["F1_05"] == frames["F1_05"]


def test_an_unseen_subject_is_scored_under_every_style(scored):
    """F1's style is 1 mm off, M1's 3 mm: the mean square is 5, the better style's 1."""
    scores = scored(lambda r: moved(truth(r), 1 if r.style == 0 else 3))["splits"]["test_b"]
    assert scores["conditioning"] == "all training styles"
    clips = scores["metrics"]["lve"]["clips"]
    assert [(c["clip"], c["style"]) for c in clips] == [
        (name, style) for name in ("F2_05", "F2_06") for style in ("F1", "M1")
    ]
    assert {c["subject"] for c in clips} == {"F2"}
    assert scores["metrics"]["lve"]["value"] == pytest.approx(5 * MM**2, rel=1e-3)
    assert scores["best_style"]["lve"] == pytest.approx(MM**2, rel=1e-3)
    assert scores["best_style"]["mve"] == pytest.approx(MM, rel=1e-3)


def test_the_best_style_is_the_one_with_the_highest_correlation(scored):
    """M1's style opens the mouth when it should close: its correlation is -1, F1's 1."""

    def predict(request):
        mirrored = 2 * request.clip.template.numpy() - truth(request)
        return truth(request) if request.style == 0 else mirrored[:, ::-1]

    scores = scored(predict)["splits"]["test_b"]
    assert scores["metrics"]["mouth_opening_correlation"]["value"] < 0.9
    assert scores["best_style"]["mouth_opening_correlation"] == pytest.approx(1)


def test_the_best_style_of_a_signed_metric_is_the_one_nearest_to_zero(scored):
    def predict(request):
        template = request.clip.template.numpy()
        return template + (1.5 if request.style == 0 else 0.9) * (truth(request) - template)

    scores = scored(predict)["splits"]["test_b"]
    values = {
        (c["clip"], c["style"]): c["total"] / c["weight"] for c in scores["metrics"]["fdd"]["clips"]
    }
    assert values["F2_05", "F1"] < 0 < values["F2_05", "M1"]
    nearest = [values[name, "M1"] for name in ("F2_05", "F2_06")]
    assert scores["best_style"]["fdd"] == pytest.approx(sum(nearest) / 2)


def test_listening_sets_another_sentences_audio_beside_the_own(scored):
    """1 mm off with the own audio, 2 mm with another: the squared error is four times as large."""
    listening = scored(lambda r: moved(truth(r), 1 if r.audio is r.clip else 2))["listening"]
    assert listening["own"] == pytest.approx(MM**2, rel=1e-3)
    assert listening["other"] == pytest.approx(4 * MM**2, rel=1e-3)
    assert listening["ratio"] == pytest.approx(4, rel=1e-3)


def test_listening_compares_the_same_frames(scored):
    """The last frames of the own prediction are wild; another sentence's prediction ends before."""

    def predict(request):
        found = moved(truth(request), 1)
        if request.audio is not request.clip:
            return found[:, :15]
        found[:, 15:] += 1.0
        return found

    listening = scored(predict)["listening"]
    assert listening["ratio"] == pytest.approx(1, rel=1e-3)


def test_heatmaps_are_kept_per_clip_and_averaged(scored, tmp_path, toy):
    def predict(request):
        template = request.clip.template.numpy()
        return template + 2 * (truth(request) - template)

    heatmap = scored(predict)["heatmap"]
    assert heatmap["correlation"] == pytest.approx(1)
    assert heatmap["mouth_share"] == pytest.approx(heatmap["ground_truth_mouth_share"])
    with np.load(tmp_path / "scores" / "motion_std.npz") as maps:
        assert sorted(maps) == ["F1_05", "F1_06", "M1_05", "M1_06"]
        clip = toy.clips("test_a")[0]
        motion = (clip.vertices - clip.template).numpy().astype(np.float64)
        expected = 2 * np.sqrt(motion.var(axis=0).sum(axis=1))
        np.testing.assert_allclose(maps["F1_05"], expected, rtol=1e-3, atol=1e-9)


UNREADABLE = {
    "predictions/test_a/F1_05.F1.npz": "is not a readable prediction",
    "scores/test_b/F2_05.M1.json": "is not readable as scores",
    "scores/listening/F1_05.F1.json": "is not readable as scores",
}


@pytest.mark.parametrize("data", [None, b"", b"no array", b"{}"])
@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_named(name, data, scored, tmp_path, toy):
    scored(truth)
    path = tmp_path / "predict" / name
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    drawn = Drawn(tmp_path / "predict", toy, False)
    with pytest.raises(ValueError, match=f"{path.name} {UNREADABLE[name]}"):
        evaluate(Evaluation(drawn, PredictConfig(num_samples=2)), tmp_path / "again")
    assert not (tmp_path / "again").exists()


def scores_of(work, cache, steps):
    assert set(work(steps).values()) <= {"done"}
    return json.loads((cache.folder(steps[-1].key) / "scores.json").read_text())


def test_kept_predictions_scored_again_give_exactly_the_same_scores(plan, work, cache, toy):
    steps = plan("predict.num_samples=7")
    splits, face = scores_of(work, cache, steps)["splits"], Face.of(toy)
    folder = cache.folder(steps[2].key) / "predictions"
    again = 0
    for split, clip in ((name, clip) for name in ("test_a", "test_b") for clip in toy.clips(name)):
        (path,) = (folder / split).glob(f"{clip.name}.*.npz")
        style = path.stem.partition(".")[2]
        for name, found in sample_scores(face, clip, read_kept(path).samples[0]).items():
            clips = splits[split]["metrics"][name]["clips"]
            (stored,) = (c for c in clips if (c["clip"], c["style"]) == (clip.name, style))
            assert (stored["total"], stored["weight"]) == (found.total, found.weight)
            again += 1
    assert again >= 6 * 7


def test_metrics_of_several_samples_are_of_all_that_were_drawn(plan, work, cache, toy):
    """Not of the kept ones: with 7 they differ from those of 5."""
    metrics = [
        scores_of(work, cache, plan(f"predict.num_samples={n}"))["splits"]["test_a"]["metrics"]
        for n in (5, 7)
    ]
    for name in ("diversity", "mee", "ce"):
        assert metrics[0][name]["value"] != metrics[1][name]["value"]
    assert metrics[0]["lve"] == metrics[1]["lve"]


def test_a_method_that_ends_early_is_scored_on_what_it_said(plan, work, cache):
    faulty = plan("model.fault=short", "model.fault_stage=predict")
    scores = scores_of(work, cache, faulty)["splits"]
    assert scores["test_a"]["frames_cut"] == 2 * 4 and scores["test_b"]["frames_cut"] == 2 * 4


def test_a_toy_that_draws_is_diverse_and_one_that_does_not_is_not(plan, work, cache):
    for method, diverse in (("talker", True), ("still", False)):
        metrics = scores_of(work, cache, plan(method=method))["splits"]["test_a"]["metrics"]
        assert (metrics["diversity"]["value"] > 0) is diverse


@pytest.fixture
def oracle(toy, tmp_path):
    evaluate_oracle(toy, tmp_path)
    return json.loads((tmp_path / "scores.json").read_text())


def test_the_oracle_scores_another_take_of_the_same_sentence(oracle, toy):
    clips = {clip.name: clip for clip in toy.clips("test_a")}
    split = oracle["splits"]["test_a"]
    assert split["conditioning"] == "another take"
    scored = split["metrics"]["mve"]["clips"]
    assert [c["clip"] for c in scored] == ["F1_05", "F1_06", "M1_06"]  # M1_05 has one take
    assert split["frames_scored"] == sum(clips[c["clip"]].num_frames for c in scored)
    first, second = (take.vertices.numpy() for take in toy.takes(clips["F1_05"])[:2])
    expected = np.linalg.norm(first - second, axis=2).mean()
    assert scored[0]["total"] / scored[0]["weight"] == pytest.approx(expected, rel=1e-4)


def test_the_oracles_diversity_is_that_of_all_takes(oracle, toy):
    takes = [take.vertices.numpy() for take in toy.takes(toy.clips("test_a")[0])]
    pairs = [(0, 1), (0, 2), (1, 2)]
    apart = [np.linalg.norm(takes[i] - takes[j], axis=2).mean() for i, j in pairs]
    record = oracle["splits"]["test_a"]["metrics"]["diversity"]["clips"][0]
    assert record["total"] / record["weight"] == pytest.approx(np.mean(apart), rel=1e-4)


def test_the_oracles_maps_are_the_ground_truths(oracle, tmp_path, toy):
    with np.load(tmp_path / "motion_std.npz") as maps:
        assert sorted(maps) == [clip.name for clip in toy.clips("test_a")]


def test_a_dataset_without_takes_has_an_oracle_without_scores(own_data, tmp_path):
    own_data.edit_manifest(
        lambda m: m.update(clips=[entry for entry in m["clips"] if entry["take"] == 0])
    )
    evaluate_oracle(load_dataset("toy", own_data.data), tmp_path)
    assert json.loads((tmp_path / "scores.json").read_text())["splits"] == {}
