"""Published checkpoints in: what is read, what is refused, and the row that uses it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.cli.listing import clean, lines, show_lines
from bench.cli.run_methods import RunOptions, run_methods
from bench.collect.fill import fill
from bench.collect.results import collect, means, results_of
from bench.evaluation.kept_samples import read_kept
from bench.evaluation.predict import make_noise
from bench.pipeline.cache import Cache
from bench.pipeline.planner import Choice, Session
from bench.pipeline.step import plan_imported
from bench.results import read_results
from bench.weights.importing import ImportOptions


@pytest.fixture
def imported(bring, toy_files):
    """What was said when both toy_files were imported."""
    return bring(toy_files)


@pytest.fixture
def evaluated(project, toys_table):
    """A function that evaluates rows; the results of the last one."""

    def run(*rows, **options):
        asked = RunOptions(methods=rows, device="cpu", workers=0, **options)
        assert run_methods(asked, toys_table) == 0
        session = Session(Choice(asked.profile, "cpu", asked.overrides), toys_table)
        seeds = asked.seeds or session.profile.seeds
        return results_of(session, session.plan(rows[-1], "toy", seeds))

    return run


def entry(cache):
    (record,) = [r for r in cache.records() if r["step"] == "import"]
    return record


def test_it_says_what_was_read_and_what_was_ignored(imported, cache):
    assert "read checkpoint: toy.pth.tar (sha256 " in imported
    assert "): 2 tensors, 0.000756 million numbers" in imported
    assert "read stage1: style.pth.tar (sha256 " in imported
    assert "ignored checkpoint: 1: module.table" in imported
    assert "bench evaluate --method spoken-imported --dataset toy" in imported
    record = entry(cache)
    assert (record["status"], record["variant"], record["method"]) == ("done", "imported", "spoken")
    assert record["model"]["width"] == 5
    assert record["files"]["stage1"]["name"] == "style.pth.tar"
    assert record["inputs"]["files"]["stage1"] == record["files"]["stage1"]["sha256"]


def test_the_weights_are_those_of_the_files(toy_weights, imported, cache):
    face, style = toy_weights()
    stored = load_file(cache.folder(entry(cache)["key"]) / "model.safetensors")
    assert stored.keys() == (face | style).keys()
    assert all(torch.equal(stored[name], value) for name, value in (face | style).items())


@pytest.mark.parametrize("give", ["file", "option", "safetensors"])
def test_files_are_given_one_by_one_too(toy_weights, give, bring, toy_files, cache):
    face, style = toy_weights()
    if give == "safetensors":
        save_file(face | style, toy_files / "all.safetensors")
        bring(toy_files / "all.safetensors")
    else:
        bring(toy_files / "toy.pth.tar", files=(f"stage1={toy_files / 'style.pth.tar'}",))
    assert entry(cache)["model"]["width"] == 5


def test_the_same_files_are_imported_once(imported, bring, toy_files, cache):
    before = (cache.folder(entry(cache)["key"]) / "run.json").read_bytes()
    assert bring(toy_files).startswith("cached toy.pth.tar (sha256 ")
    assert (cache.folder(entry(cache)["key"]) / "run.json").read_bytes() == before
    bring(toy_files, "gain=2.0")
    assert len([r for r in cache.records() if r["step"] == "import"]) == 2


def test_the_row_predicts_with_the_files_weights(toy_weights, imported, evaluated, cache, toy):
    results = evaluated("spoken-imported", seeds=(1, 2))
    assert (results.method, results.variant) == ("spoken", "imported")
    assert results.speech_encoder == "toy ears (imported, frozen)"
    (run,) = results.runs  # the first seed decides the noise
    assert (run.seed, run.status) == (1, "done")
    record = entry(cache)
    assert run.keys.keys() == {"import", "predict", "evaluate"}
    assert run.checkpoints == {role: file["sha256"] for role, file in record["files"].items()}
    assert run.checkpoints.keys() == {"checkpoint", "stage1"}
    assert run.keys["import"] == record["key"]
    from toy_published.official import load

    face, style = toy_weights()
    clip = toy.clips("test_a")[0]
    method = load(face, toy.spec, stage1=style)
    with torch.no_grad():
        noise = make_noise(1, clip.name, "F1")
        found = method.predict(clip.audio, clip.template, 0, clip.num_frames, 2, noise)
    path = cache.folder(run.keys["predict"]) / "predictions" / "test_a" / f"{clip.name}.F1.npz"
    first, second = read_kept(path).samples
    np.testing.assert_array_equal(first, found[0].numpy())
    np.testing.assert_allclose(second, found[1].numpy(), rtol=0, atol=1e-5)


def test_the_presets_sampling_and_prediction_hold_for_the_row(imported, evaluated):
    sampled = evaluated("spoken-imported")
    assert sampled.runs[0].num_samples == 2 and means(sampled)["diversity"] > 0
    quiet = ("model.sampling.size=0.0", "predict.deterministic=true")
    assert means(evaluated("spoken-imported", overrides=quiet))["diversity"] == 0
    with pytest.raises(ValueError, match="--set model.width=3: the weights of spoken-imported are"):
        evaluated("spoken-imported", overrides=("model.width=3",))


def test_force_and_training_leave_imported_weights_alone(imported, evaluated, toys_table, cache):
    evaluated("spoken-imported")
    evaluated("spoken-imported", force=True)
    assert cache.is_done(entry(cache)["key"])
    options = RunOptions(methods=("spoken-imported",), workers=0, until="train", device="cpu")
    assert run_methods(options, toys_table) == 0


def test_without_an_import_the_row_says_what_to_run(project, toys_table, evaluated):
    command = "run: bench import --method spoken --dataset toy --checkpoint FILE"
    with pytest.raises(ValueError, match=f"spoken-imported on toy: nothing is imported.*{command}"):
        evaluated("spoken-imported")
    with pytest.raises(ValueError, match="still-imported on toy: still has no published checkp"):
        evaluated("still-imported")


def test_a_table_has_the_row_with_or_without_an_import(project, toys_table, bring, toy_files):
    params = project.root / "params.yaml"
    params.write_text(params.read_text().replace("[talker, still]", "[still, spoken-imported]"))
    for status in ("skipped", "done"):
        assert fill(None, 0, toys_table) == 0
        collect("toy", "spoken-imported")
        (run,) = read_results(project.root / "results/toy/spoken-imported.json").runs
        assert run.status == status
        if status == "skipped":
            assert run.reason.startswith("nothing is imported for it; run: bench import --method")
            bring(toy_files)


def test_other_code_or_faces_ask_for_a_new_import(imported, evaluated, monkeypatch):
    from bench.pipeline import imported as module

    monkeypatch.setattr(module, "fingerprint", lambda roots: {"toy_published.official": "new"})
    with pytest.raises(ValueError, match="toy.pth.tar .* was imported by other code or for other"):
        evaluated("spoken-imported")


def test_predictions_of_another_device_are_others(imported, toys_table, toy):
    session = Session(Choice(device="cpu"), toys_table)
    predict, _ = session.plan("spoken-imported", "toy", [0]).plans[0]
    assert predict.parent is not None
    on_gpu = dataclasses.replace(predict.run, device="cuda")
    assert plan_imported(on_gpu, toy, predict.parent)[0].key != predict.key
    assert plan_imported(predict.run, toy, predict.parent)[0].key == predict.key


def test_clean_keeps_imports_and_list_shows_them(imported, bring, toy_files, cache, toys_table):
    old = entry(cache)["key"]
    bring(toy_files, "gain=2.0")  # the row uses this one now
    assert [line.split()[1] for line in clean(True) if line.startswith("removed")] == [old[:12]]
    assert entry(cache)["key"] != old
    assert (cache.root / "imported" / "toy" / "spoken.json").exists()
    (line,) = [text for text in lines("methods", toys_table) if "imported:" in text]
    assert "spoken-imported on toy, from toy.pth.tar (sha256 " in line
    (run,) = [text for text in lines("runs", toys_table) if "import" in text]
    assert run.endswith("import from toy.pth.tar, style.pth.tar")
    shown = list(show_lines(entry(cache)["key"][:8], False))
    assert "step: import" in shown and "  width: 5" in shown
    assert any(x.startswith("read checkpoint: toy.pth.tar") and "1 keys ign" in x for x in shown)
    with pytest.raises(ValueError, match="'imp' is no run; `bench list methods` shows"):
        list(show_lines("imp", False))


def test_the_command_line_reaches_it(monkeypatch):
    from typer.testing import CliRunner

    from bench.cli.app import app

    seen = []
    monkeypatch.setattr("bench.weights.importing.import_weights", lambda o, *_: seen.append(o) or 0)
    arguments = ["--method", "codetalker", "--dataset", "biwi", "--checkpoint", "stage2.pth.tar"]
    more = ["--stage1", "stage1.pth.tar", "--set", "num_heads=8", "--file", "other=x.pth"]
    done = CliRunner().invoke(app, ["import", *arguments, *more], catch_exceptions=False)
    assert done.exit_code == 0
    assert seen == [
        ImportOptions(
            method="codetalker",
            dataset="biwi",
            checkpoint=Path("stage2.pth.tar"),
            files=("stage1=stage1.pth.tar", "other=x.pth"),
            overrides=("num_heads=8",),
        )
    ]


def test_an_empty_cache_has_nothing_imported(project, toys_table):
    assert list(clean(True)) == ["0 entries, 0.0 MB removed"]
    assert not any("imported:" in line for line in lines("methods", toys_table))
    assert list(Cache(project.runs).records()) == []


def test_plain_values_and_a_model_wrapper_are_read_too(toy_weights, bring, toy_files, cache):
    face, style = toy_weights()
    extra = {f"number{k}": k for k in range(4)}
    torch.save({"model": face | style | extra, "step": 5}, toy_files / "all.pth")
    told = "ignored checkpoint: 4: number0, number1, number2, ..."
    assert told in bring(toy_files / "all.pth")
    assert entry(cache)["ignored"] == {"checkpoint": sorted(extra)}


def test_a_damaged_pointer_is_a_line_and_no_import_is_lost(imported, cache, toys_table):
    pointer = cache.root / "imported" / "toy" / "spoken.json"
    pointer.write_text("{")
    (line,) = [text for text in lines("methods", toys_table) if "imported:" in text]
    assert f"{pointer} is not valid JSON" in line
    told = list(clean(True))
    assert "all imported weights are kept" in told[0] and told[-1].startswith("0 entries")
    assert entry(cache)["status"] == "done"


def test_what_a_killed_import_left_is_removed(imported, bring, toy_files, cache):
    folder = cache.folder(entry(cache)["key"])
    left = folder / f".{'0' * 32}.safetensors"
    left.write_bytes(b"half")
    (folder / "run.json").unlink()
    bring(toy_files)
    assert not left.exists() and entry(cache)["status"] == "done"
