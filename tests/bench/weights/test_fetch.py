"""`bench fetch` with a hub that is a folder: what is written, what is refused."""

import json
import pickle
import shutil
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.common.files import sha256_of_file
from bench.registry.rows import Registry
from bench.weights.fetch import Source, fetch_weights, is_local, paper_sources
from bench.weights.local import fetched_folder, local_weights
from methods import METHODS

NAME = "someone/speech"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A folder in the place of the hub; a file that is not in it cannot be had."""
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "hubert"}))

    def download(name, revision=None, allow_patterns=(), force_download=False):
        if force_download:
            shutil.rmtree(tmp_path / "snapshot", ignore_errors=True)
        assert name == NAME and allow_patterns
        snapshot = tmp_path / "snapshot"
        for file in set(allow_patterns) & {path.name for path in folder.iterdir()}:
            snapshot.mkdir(exist_ok=True)
            if not (snapshot / file).exists():  # as the hub's own cache has it
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


def test_damaged_weights_are_fetched_again(hub, tmp_path, monkeypatch, capfd):
    """Those that were fetched, and those in the hub's own cache, which they are copied from."""
    save_file({"weight": torch.ones(3)}, hub / "model.safetensors")
    source = Source(NAME, sha256=sha256_of_file(hub / "model.safetensors"))
    monkeypatch.setattr("bench.weights.fetch.paper_sources", lambda *_: [source])
    assert fetch() == 0 and is_local(source)
    whole = (hub / "model.safetensors").read_bytes()
    for place in (fetched_folder(NAME), tmp_path / "snapshot"):
        (place / "model.safetensors").write_bytes(whole[:-1] + b"x")
    assert not is_local(source)
    assert fetch() == 0
    assert (fetched_folder(NAME) / "model.safetensors").read_bytes() == whole
    assert fetch() == 0 and "there already" in capfd.readouterr().out
