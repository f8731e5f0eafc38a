"""From the cache to results files: done, failed, skipped and missing runs."""

import json
import shutil

import numpy as np
import pytest

from bench.collect.figure_arrays import write_heatmaps
from bench.collect.fill import fill
from bench.collect.plan_files import planned_method, read_planned, write_planned
from bench.collect.results import collect, collect_figures, collect_method, means, write_method
from bench.common.files import read_json, write_json
from bench.pipeline.cache import Cache
from bench.results import MethodFacts, read_results


@pytest.fixture
def collected(cache, toy):
    """A function from plans, one per seed, to their results as they stand in the cache."""

    def make(*plans, unsupported=None, deterministic=False):
        planned = planned_method("mini", plans, deterministic, unsupported, cache)
        return collect_method(toy, cache, planned)

    return make


def test_every_seed_is_a_run_with_its_keys_and_scores(plan, work, cache, collected):
    plans = [plan(seed=seed) for seed in (0, 1)]
    work([step for steps in plans for step in steps])
    results = collected(*plans)
    assert (results.method, results.dataset, results.profile) == ("talker", "toy", "mini")
    assert results.generated and results.unit == "m" and not results.deterministic
    assert results.speech_encoder == "loudness of each frame"
    assert results.masks.keys() == {"lips", "mouth", "upper_face", "eyes"}
    assert results.metric_versions["lve"] >= 1 and 0 < results.numerical_floor < 1e-6
    for run, steps in zip(results.runs, plans, strict=True):
        assert (run.status, run.num_samples) == ("done", 3)
        assert run.keys == {step.name: step.key for step in steps}
        scores = read_json(cache.folder(steps[-1].key) / "scores.json")
        assert run.model_dump(mode="json").items() >= scores.items()
    values = [run.value("test_a", "lve") for run in results.runs]
    assert values[0] != values[1]
    assert means(results)["lve"] == pytest.approx(sum(values) / 2)


def test_what_the_data_says_of_its_masks_scales_and_gaps_is_in_the_results(
    plan, collected, toy, monkeypatch
):
    first = collected(plan())
    assert (first.subject_scale_mm, first.missing_clips) == ({}, 0)
    masks = toy.manifest["masks"]
    facts = {
        "masks": masks | {"mouth": {"sha256": "ab", "size": 7, "origin": "file lve.txt (me)"}},
        "subject_scale_mm": {"F1": 173.6},
        "missing": ["F1_07", "M1_02"],
    }
    for name, value in facts.items():
        monkeypatch.setitem(toy.manifest, name, value)
    results = collected(plan())
    assert results.mask_origins["mouth"] == "file lve.txt (me)"
    assert (results.masks["mouth"], results.mask_sizes["mouth"]) == ("ab", 7)
    assert (results.subject_scale_mm, results.missing_clips) == ({"F1": 173.6}, 2)


def test_a_failed_run_is_a_row_and_takes_the_mean_with_it(plan, work, collected):
    plans = [plan(), plan("model.fault=raise", seed=1)]
    work([step for steps in plans for step in steps])
    results = collected(*plans)
    assert [run.status for run in results.runs] == ["done", "failed"]
    assert results.runs[1].reason == "train/coarse: RuntimeError: the toy broke on purpose"
    assert results.runs[1].splits == {}
    assert set(means(results).values()) == {None}


def test_a_failed_prediction_names_its_own_step(plan, work, collected):
    steps = plan("model.fault=nan", "model.fault_stage=predict")
    work(steps)
    assert collected(steps).runs[0].reason == (
        "predict: ValueError: F1_05: predict() returned values that are not finite"
    )


def test_a_run_that_was_never_made_is_a_failed_one(plan, collected):
    (run,) = collected(plan()).runs
    assert (run.status, run.reason) == ("failed", "not run yet")


def test_a_method_that_cannot_run_here_is_skipped_with_its_reason(plan, collected):
    (run,) = collected(plan(), unsupported="the face is too large for a toy").runs
    assert (run.status, run.reason) == ("skipped", "the face is too large for a toy")


def test_library_versions_that_differ_are_all_shown(plan, work, cache, collected):
    plans = [plan(seed=seed, method="still") for seed in (0, 1)]
    work([step for steps in plans for step in steps])
    record = cache.record(plans[1][-1].key)
    record["versions"]["torch"] = "1.0"
    cache.write_record(record["key"], record)
    first = cache.record(plans[0][-1].key)["versions"]
    versions = collected(*plans).versions
    assert versions["torch"] == f"1.0 + {first['torch']}"
    assert versions["numpy"] == first["numpy"]


def test_results_of_the_same_work_are_the_same_bytes(plan, work, cache, collected, tmp_path):
    steps = plan(method="still")
    for name in ("first", "again"):
        work(steps)
        write_method(tmp_path / name, collected(steps, deterministic=True))
        for step in steps:
            cache.remove(step.key)
    for file in ("still.json", "still.metrics.json"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


def test_plans_come_back_as_they_were_written(plan, cache, tmp_path):
    planned = planned_method("mini", [plan(), plan(seed=1)], False, None, cache)
    write_planned(tmp_path, planned)
    assert read_planned(tmp_path, "toy", "talker") == planned
    with pytest.raises(ValueError, match=r"toy/gldi\.json does not exist; run: bench fill"):
        read_planned(tmp_path, "toy", "gldi")
    (tmp_path / "toy" / "talker.json").write_text("{}")
    with pytest.raises(ValueError, match=r"talker\.json is of another version; run: bench fill"):
        read_planned(tmp_path, "toy", "talker")


def test_an_edit_of_a_fact_or_of_the_readme_is_in_the_plan_and_in_the_results(
    plan, cache, toy, toys, monkeypatch, tmp_path
):
    """What `dvc repro` sees of it: the plan's file is what results are collected from."""
    folder = tmp_path / "talker"
    shutil.copytree(toys / "talker", folder)
    monkeypatch.setattr("bench.registry.facts.preset_folder", lambda reference: folder)
    steps, bytes_of = [plan()], []
    for edit in ("", "label: Talker\n", "label: Talker\norder: 3\n"):
        (folder / "method.yaml").write_text(edit)
        planned = planned_method("mini", steps, False, None, cache)
        write_planned(tmp_path, planned)
        bytes_of.append((tmp_path / "toy" / "talker.json").read_bytes())
    assert len(set(bytes_of)) == 3
    assert collect_method(toy, cache, planned).facts == MethodFacts(label="Talker", order=3)
    (folder / "README.md").write_text("# talker\n\nIt talks.\n")
    planned = planned_method("mini", steps, False, None, cache)
    assert collect_method(toy, cache, planned).facts.about == "It talks."


def test_heatmaps_average_seeds_and_clips_and_show_one_clip(plan, work, cache, toy, tmp_path):
    plans = [plan(seed=seed) for seed in (0, 1)]
    missing = plan(method="still")
    work([step for steps in plans for step in steps])
    planned = [
        planned_method("mini", plans, False, None, cache),
        planned_method("mini", [missing], True, None, cache),
    ]
    write_heatmaps(tmp_path / "heatmaps.npz", toy, cache, planned)
    kept = [np.load(cache.folder(steps[-1].key) / "motion_std.npz") for steps in plans]
    with np.load(tmp_path / "heatmaps.npz", allow_pickle=False) as maps:
        assert set(maps) == {"clip_name", "reference", "faces", "talker", "clip/talker"}
        assert str(maps["clip_name"]) == "F1_05"
        assert maps["reference"].shape == (42, 3) and maps["faces"].shape == (60, 3)
        every = [seed[clip] for seed in kept for clip in seed]
        np.testing.assert_allclose(maps["talker"], np.mean(every, axis=0))
        one = [seed["F1_05"] for seed in kept]
        np.testing.assert_allclose(maps["clip/talker"], np.mean(one, axis=0))


@pytest.fixture
def filled(project, table):
    """The project after `bench fill` in this process."""
    assert fill(None, 0, table) == 0
    return project.root / "results"


def test_fill_then_collect_gives_results_and_heatmaps_of_everything(filled):
    for method in ("talker", "still", "oracle"):
        collect("toy", method)
        results = read_results(filled / "toy" / f"{method}.json")
        assert [run.status for run in results.runs] == ["done"]
        table = json.loads((filled / "toy" / f"{method}.metrics.json").read_text())
        assert table["lve"] > 0
    collect_figures("toy")
    with np.load(filled / "toy" / "heatmaps.npz", allow_pickle=False) as maps:
        assert {"ground_truth", "talker", "still", "clip/ground_truth"} <= set(maps)
        assert maps["still"].max() == 0 < maps["ground_truth"].max()
    with np.load(filled / "toy" / "lip_error.npz", allow_pickle=False) as errors:
        assert set(errors) == {"clip_name", "fps", "talker", "still", "oracle"}
        assert (str(errors["clip_name"]), errors["fps"]) == ("F1_05", 25)
        talker = read_results(filled / "toy" / "talker.json").runs[0].splits["test_a"]
        (clip,) = [c for c in talker.metrics["lve"].clips if c.clip == "F1_05"]
        assert errors["talker"].shape == (1, clip.weight)
        assert errors["talker"].sum() == pytest.approx(clip.total)


def test_fill_tells_a_wrong_fact_before_it_works(project, table, monkeypatch, tmp_path):
    (tmp_path / "method.yaml").write_text("lable: x")
    monkeypatch.setattr("bench.registry.facts.preset_folder", lambda reference: tmp_path)
    with pytest.raises(ValueError, match="method.yaml: lable: Extra inputs are not permitted"):
        fill(None, 0, table)
    assert list(Cache(project.runs).records()) == []


def test_fill_again_does_nothing_and_leaves_the_same_files(filled, table, project, capsys):
    before = {p: p.read_bytes() for p in filled.rglob("*") if p.is_file()}
    records = {r["key"]: r["started"] for r in Cache(project.runs).records()}
    assert fill(None, 0, table) == 0
    assert "8 of 8 steps are cached" in capsys.readouterr().out
    assert before == {p: p.read_bytes() for p in filled.rglob("*") if p.is_file()}
    assert records == {r["key"]: r["started"] for r in Cache(project.runs).records()}


def test_fill_removes_results_of_rows_that_are_planned_no_more(filled, table):
    for row in ("still", "gone", "talker-old"):
        write_json(filled / "toy" / f"{row}.json", {})
        write_json(filled / "toy" / f"{row}.metrics.json", {})
    assert fill(None, 0, table) == 0
    names = {path.name for path in (filled / "toy").glob("*.json")}
    assert names == {"still.json", "still.metrics.json"}


def test_fill_removes_results_of_datasets_that_are_turned_on_no_more(filled, table):
    old, study = filled / "gone", filled / "study" / "abc"
    for path in (old / "oracle.json", old / "talker.json", old / "ablations" / "talker-size.json"):
        write_json(path, {})
    write_json(study / "summary.json", {})
    (old / "heatmaps.npz").touch()
    assert fill(None, 0, table) == 0
    assert [path for path in old.rglob("*") if path.is_file()] == []
    assert (study / "summary.json").is_file() and (filled / "plans" / "toy").is_dir()


def test_fill_goes_on_after_a_failed_run(own_data, table):
    """The talker's training clip is gone; the other toy never listens while it is trained."""
    (own_data.data / "toy" / "audio" / "F1_01.wav").unlink()
    assert fill(None, 0, table) == 0
    for method in ("talker", "still"):
        collect("toy", method)
    results = own_data.root / "results" / "toy"
    (failed,) = read_results(results / "talker.json").runs
    assert failed.status == "failed"
    assert failed.reason.startswith("train/coarse: ValueError: ")
    assert "F1_01.wav does not exist" in failed.reason
    assert [run.status for run in read_results(results / "still.json").runs] == ["done"]
