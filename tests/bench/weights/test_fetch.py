"""`bench fetch` with a hub that is a folder: what is written, what is refused."""

import json
import pickle
import shutil
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.registry.rows import Registry
from bench.weights.fetch import fetch_weights, is_local, paper_sources
from bench.weights.local import fetched_folder, local_weights
from methods import METHODS

NAME = "someone/speech"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A folder in the place of the hub; a file that is not in it cannot be had."""
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "hubert"}))

    def download(name, revision=None, allow_patterns=()):
        assert name == NAME and allow_patterns
        snapshot = tmp_path / "snapshot"
        for file in set(allow_patterns) & {path.name for path in folder.iterdir()}:
            snapshot.mkdir(exist_ok=True)
            shutil.copy(folder / file, snapshot / file)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "weights"))
    return folder


def fetch():
    return fetch_weights((NAME,), "paper", Registry(METHODS))


def test_safetensors_are_taken_as_they_are(hub):
    save_file({"weight": torch.ones(3)}, hub / "model.safetensors")
    assert fetch() == 0
    folder = Path(local_weights(NAME))
    assert folder == fetched_folder(NAME)
    assert (folder / "model.safetensors").read_bytes() == (hub / "model.safetensors").read_bytes()


def test_the_old_format_is_read_with_restriction_and_written_anew(hub):
    torch.save({"weight": torch.arange(4.0)}, hub / "pytorch_model.bin")
    assert fetch() == 0
    weights = load_file(fetched_folder(NAME) / "model.safetensors")
    assert torch.equal(weights["weight"], torch.arange(4.0))


class Command:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_that_would_run_something_is_refused(hub, tmp_path):
    (hub / "pytorch_model.bin").write_bytes(pickle.dumps(Command(tmp_path / "ran"), protocol=2))
    assert fetch() == 1
    assert not (tmp_path / "ran").exists()
    assert not (fetched_folder(NAME) / "model.safetensors").exists()


def test_what_cannot_be_had_leaves_nothing_half_written(hub):
    assert fetch() == 1
    assert not list(fetched_folder(NAME).glob("*.safetensors"))
    assert local_weights(NAME) == NAME


def test_the_paper_presets_name_their_encoders(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    sources = paper_sources(Registry(METHODS))
    assert {s.name for s in sources} == {
        "facebook/wav2vec2-base-960h",
        "facebook/hubert-base-ls960",
    }
    assert not any(is_local(source) for source in sources)
