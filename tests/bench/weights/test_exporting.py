"""Weights out under their published names, and in again: the same numbers."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from bench.cli.app import app
from bench.cli.run_methods import RunOptions, run_methods
from bench.collect.results import results_of
from bench.evaluation.kept_samples import read_kept
from bench.pipeline.planner import Choice, Session
from bench.registry.rows import Registry
from bench.weights.exporting import ExportOptions, export_weights
from bench.weights.importing import ImportOptions, import_weights

FAST = ("train.steps=2", "train.validate_every=2", "train.log_every=1", "predict.num_samples=1")
SMALL = (
    "model.num_features=16",
    "model.speech.hidden=64",
    "model.speech.feed_forward=32",
    *FAST,
)


@pytest.fixture
def bench(project, toys_table, capsys):
    """The commands on the toy dataset, in this process."""
    toys = {name: method.reference for name, method in toys_table.methods.items()}
    return Commands(Registry(toys | {"faceformer": "methods.faceformer:FaceFormer"}), capsys)


class Commands:
    """run, export and bring back (import), with results."""

    def __init__(self, table, capsys):
        self.table, self.capsys = table, capsys

    def run(self, row, dataset="toy", overrides=(), until="evaluate"):
        asked = RunOptions(
            methods=(row,),
            dataset=dataset,
            overrides=overrides,
            until=until,
            device="cpu",
            workers=0,
        )
        assert run_methods(asked, self.table) == 0
        session = Session(Choice(overrides=overrides, device="cpu"), self.table)
        return results_of(session, session.plan(row, dataset, [0]))

    def export(self, row, out, dataset="toy", **options):
        asked = ExportOptions(row, dataset, out, **options)
        assert export_weights(asked, self.table) == 0
        return sorted(out.iterdir())

    def bring(self, method, folder, dataset="toy", *overrides):
        asked = ImportOptions(
            method=method, dataset=dataset, checkpoint=folder, overrides=overrides
        )
        assert import_weights(asked, self.table) == 0
        self.capsys.readouterr()


def predictions(cache, results):
    folder = cache.folder(results.runs[0].keys["predict"]) / "predictions" / "test_a"
    return {path.name: read_kept(path).samples[0] for path in sorted(folder.iterdir())}


def test_import_of_an_export_predicts_the_same_bits(bench, cache, tmp_path):
    trained = bench.run("spoken")
    face, style = reversed(bench.export("spoken", tmp_path / "out"))
    assert (face.name, style.name) == ("toy.pth.tar", "style.pth.tar")
    assert torch.load(style, weights_only=True)["state_dict"].keys() == {
        "style.weight",
        "style.bias",
    }
    bench.bring("spoken", tmp_path / "out")
    imported = bench.run("spoken-imported")
    before, after = predictions(cache, trained), predictions(cache, imported)
    assert before.keys() == after.keys() and len(before) == 4
    assert all((before[name] == after[name]).all() for name in before)
    again = bench.export("spoken-imported", tmp_path / "again")
    files = [path.read_bytes() for path in (style, face)]
    assert [path.read_bytes() for path in again] == files


def test_a_variant_and_a_seed_are_exported_by_name(bench, tmp_path, monkeypatch):
    bench.run("spoken-wide", until="train")
    (_, face) = bench.export("spoken-wide", tmp_path / "row")
    command = ["export", "-m", "spoken", "--variant", "wide", "-d", "toy", "--seed", "0"]
    monkeypatch.setattr("bench.cli.weights_commands.registry", lambda: bench.table)
    CliRunner().invoke(app, [*command, "--out", str(tmp_path / "variant")])
    assert face.read_bytes() == (tmp_path / "variant" / face.name).read_bytes()
    weights = torch.load(face, weights_only=True)["state_dict"]
    assert weights["speak.weight"].shape == (126, 6)
    with pytest.raises(ValueError, match="seed 1, is not trained yet; run: bench train --method"):
        bench.export("spoken-wide", tmp_path / "row", seed=1)


def test_settings_that_no_file_holds_are_told(bench, tmp_path, capsys):
    command = f"bench import --method spoken --dataset toy --checkpoint {tmp_path / 'out'}"
    bench.run("spoken", overrides=("model.gain=2.0",), until="train")
    bench.export("spoken", tmp_path / "out", overrides=("model.gain=2.0",))
    assert f"read it back: {command} --set gain=2.0\n" in capsys.readouterr().out
    bench.bring("spoken", tmp_path / "out", "toy", "gain=2.0")
    bench.run("spoken", until="train")
    bench.export("spoken", tmp_path / "other")
    assert "--set" not in capsys.readouterr().out


def test_a_reader_that_builds_no_model_does_not_stop_an_export(
    bench, tmp_path, capsys, monkeypatch
):
    import toy_published.official

    def refuse(*_, **__):
        raise ValueError("no such width")

    bench.run("spoken", until="train")
    monkeypatch.setattr(toy_published.official, "load", refuse)
    assert len(bench.export("spoken", tmp_path / "out")) == 2
    assert "--set gain=1.0" in capsys.readouterr().out


def test_files_are_written_together_or_not_at_all(bench, tmp_path, monkeypatch):
    save, calls = torch.save, []

    def fail_second(document, file):
        calls.append(file)
        if len(calls) == 2:
            raise OSError("disk full")
        save(document, file)

    bench.run("spoken", until="train")
    monkeypatch.setattr("bench.weights.exporting.torch.save", fail_second)
    with pytest.raises(OSError, match="disk full"):
        bench.export("spoken", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_nothing_is_replaced_without_being_told(bench, tmp_path):
    bench.run("spoken", until="train")
    (style, face) = bench.export("spoken", tmp_path / "out")
    face.write_bytes(b"mine")
    style.unlink()
    with pytest.raises(ValueError, match="toy.pth.tar exists; use --force to replace it"):
        bench.export("spoken", tmp_path / "out")
    assert face.read_bytes() == b"mine" and not style.exists()
    bench.export("spoken", tmp_path / "out", force=True)
    assert torch.load(face, weights_only=True)["state_dict"]


def test_what_cannot_be_exported_says_why(bench, tmp_path):
    with pytest.raises(ValueError, match="spoken on toy, seed 0, is not trained yet; run: bench"):
        bench.export("spoken", tmp_path)
    with pytest.raises(ValueError, match="spoken-imported on toy: nothing is imported for it"):
        bench.export("spoken-imported", tmp_path)
    with pytest.raises(ValueError, match="still has no published checkpoints to read or write"):
        bench.export("still", tmp_path)
    assert list(tmp_path.glob("*.tar")) == []


@pytest.fixture
def named_synthetic(project, write_dataset, monkeypatch):
    """A toy dataset under the name that the methods' mini presets are for."""
    folder = write_dataset(name="synthetic", num_frames=12)
    monkeypatch.setenv("BENCH_DATA", str(folder.parent))


def test_a_small_faceformer_survives_with_its_mel_hubert(named_synthetic, bench, cache, tmp_path):
    trained = bench.run("faceformer", "synthetic", SMALL)
    (file,) = bench.export("faceformer", tmp_path / "out", "synthetic", overrides=SMALL)
    names = torch.load(file, weights_only=True).keys()
    assert "vertice_map.weight" in names  # plain, not nested
    assert not any("feature_extractor" in name for name in names)
    bench.bring("faceformer", tmp_path / "out", "synthetic")
    imported = bench.run("faceformer-imported", "synthetic", FAST)
    assert imported.speech_encoder == "mel-HuBERT (imported, frozen)"
    before, after = predictions(cache, trained), predictions(cache, imported)
    assert before.keys() == after.keys() and len(before) == 4
    for name, found in after.items():  # the motion scale is folded into linear maps: rounding
        assert not np.array_equal(found[0], found[-1])
        np.testing.assert_allclose(found, before[name], rtol=0, atol=1e-7)


def test_faceformers_weights_come_back_bit_for_bit(named_synthetic, bench, cache, tmp_path):
    unscaled = (*SMALL, "model.motion_scale=none")
    bench.run("faceformer", "synthetic", unscaled, until="train")
    bench.export("faceformer", tmp_path / "out", "synthetic", overrides=unscaled)
    bench.bring("faceformer", tmp_path / "out", "synthetic")
    (file,) = bench.export("faceformer-imported", tmp_path / "again", "synthetic")
    assert file.read_bytes() == (tmp_path / "out" / "faceformer.pth").read_bytes()
