"""Presets: what a file and its overrides come to."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from bench.common.records import Frozen, read_yaml
from bench.config import Preset, SpeechInput, StageConfig, load_preset, preset_path, speech_label


class Inner(Frozen):
    depth: int = 1


class Ears(SpeechInput):
    @property
    def label(self):
        return "two ears"


class Deaf(Frozen):
    inner: Inner = Inner()
    rate: float = 0.5


class Hearing(Frozen):
    inner: Deaf = Deaf()
    speech: Ears = Ears()


STAGES = ("one", "two")
TEXT = """
model: {inner: {depth: 2}}
train:
  one: {steps: 10, lr: 1e-3}
  two: {epochs: 3, schedule: step, step_size: 2}
"""


@pytest.fixture
def preset(tmp_path):
    """A function from overrides to the preset of TEXT."""

    def load(*overrides):
        path = tmp_path / "toy-mini.yaml"
        path.write_text(TEXT)
        return load_preset(path, Deaf, STAGES, overrides)

    return load


def test_a_preset_is_read_and_completed_with_defaults(preset):
    found = preset()
    assert isinstance(found, Preset) and isinstance(found.model, Deaf)
    assert (found.model.inner.depth, found.model.rate) == (2, 0.5)
    assert list(found.train) == ["one", "two"]
    assert (found.train["one"].lr, found.train["two"].lr) == (1e-3, 1e-4)
    assert found.predict.num_samples == 10


def test_an_override_of_train_sets_every_stage_and_one_of_a_stage_that_one(preset):
    found = preset("train.batch_size=4", "train.two.batch_size=2")
    assert [stage.batch_size for stage in found.train.values()] == [4, 2]


def test_later_overrides_win(preset):
    assert preset("predict.num_samples=3", "predict.num_samples=4").predict.num_samples == 4


def test_steps_and_epochs_replace_each_other(preset):
    found = preset("train.steps=5")
    assert [(s.steps, s.epochs) for s in found.train.values()] == [(5, None)] * 2
    found = preset("train.one.epochs=2")
    assert (found.train["one"].steps, found.train["one"].epochs) == (None, 2)


VALUES = {
    "model.rate=1e-2": lambda p: p.model.rate == 0.01,
    "model.inner.depth=7": lambda p: p.model.inner.depth == 7,
    "model.inner={depth: 8}": lambda p: p.model.inner.depth == 8,
    "train.one.betas=[0.8, 0.9]": lambda p: p.train["one"].betas == (0.8, 0.9),
    "train.one.window=pairs": lambda p: p.train["one"].window == "pairs",
    "train.one.window=12": lambda p: p.train["one"].window == 12,
    "train.one.clip_grad_norm=1": lambda p: p.train["one"].clip_grad_norm == 1.0,
    "train.one.clip_grad_norm=null": lambda p: p.train["one"].clip_grad_norm is None,
    "predict.num_samples=3": lambda p: p.predict.num_samples == 3,
}


@pytest.mark.parametrize("override", VALUES)
def test_values_are_read_as_yaml(override, preset):
    assert VALUES[override](preset(override))


def test_presets_cannot_be_changed(preset):
    with pytest.raises(ValueError, match="frozen"):
        preset().train["one"].lr = 1.0


def test_a_preset_without_sections_has_an_empty_model(tmp_path):
    path = tmp_path / "a-b.yaml"
    path.write_text("model:\ntrain: {one: {steps: 0}}\n")
    assert load_preset(path, Deaf, ("one",), ["model.inner.depth=3"]).model.inner.depth == 3


def test_a_preset_is_found_by_dataset_and_profile(tmp_path):
    (tmp_path / "toy-mini.yaml").write_text(TEXT)
    assert preset_path(tmp_path, "toy", "mini") == tmp_path / "toy-mini.yaml"
    with pytest.raises(ValueError, match=r"'toy-mimi'\. Did you mean 'toy-mini'\? Known: toy-mini"):
        preset_path(tmp_path, "toy", "mimi")


def test_a_yaml_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.yaml does not exist"):
        read_yaml(tmp_path / "none.yaml")


def test_what_a_method_hears_is_found_at_any_depth():
    assert speech_label(Hearing()) == "two ears"
    assert speech_label(Deaf()) == "none"
    with pytest.raises(TypeError, match="SpeechInput must define label"):
        speech_label(SpeechInput())


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "methods").glob("*/*-*.yaml")))
def test_the_stages_of_every_preset_of_the_repository_are_valid(path):
    stages = read_yaml(path)["train"]
    assert {name: StageConfig.model_validate(stage) for name, stage in stages.items()}


def test_a_wrong_key_in_a_section_of_several_kinds_gets_that_kinds_keys(tmp_path):
    class Heard(Frozen):
        kind: Literal["mel"] = "mel"
        bands: int = 40

    class Read(Frozen):
        kind: Literal["file"]
        folder: str

    class Model(Frozen):
        speech: Heard | Read = Field(Heard(), discriminator="kind")

    path = tmp_path / "toy-mini.yaml"
    path.write_text("model: {speech: {kind: mel, band: 3}}\ntrain: {main: {steps: 1}}\n")
    with pytest.raises(ValueError, match=r"Did you mean 'bands'\? Known: bands, kind$"):
        load_preset(path, Model, ("main",))
