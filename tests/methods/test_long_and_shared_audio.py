"""Every method: a minute of speech is no limit, and a clip's audio is encoded once."""

import pytest
import torch

from bench.checks.contract import make_subject
from bench.common.records import read_yaml
from bench.data import AUDIO_RATE
from bench.evaluation.predict import make_noise
from bench.registry.methods import load, preset_folder
from bench.registry.rows import Registry
from methods import METHODS
from methods.layers.speech import SpeechEncoder


@pytest.fixture(scope="module", params=METHODS)
def subject(request, tmp_path_factory):
    return make_subject(request.param, Registry(METHODS), tmp_path_factory.mktemp(request.param))


@torch.no_grad()
def test_a_clip_of_a_minute_is_animated_to_its_end(subject):
    draws = torch.Generator().manual_seed(0)
    audio = 0.1 * torch.randn(60 * AUDIO_RATE, generator=draws)
    template, noise = subject.clips[0].template, make_noise(0, "clip", "F1")
    found = subject.build().predict(audio, template, 0, 1500, 1, noise)
    assert found.shape[1] >= 1498 and found.isfinite().all()  # published rules lose a frame or two


@torch.no_grad()
@pytest.mark.parametrize("name", METHODS)
def test_samples_and_styles_of_a_clip_share_one_encoding_of_its_audio(name, tmp_path):
    subject = make_subject(name, Registry(METHODS), tmp_path)
    model = read_yaml(preset_folder(METHODS[name]) / "synthetic-mini.yaml").get("model") or {}
    trained = load(METHODS[name]).config_type.model_validate(_with_trained_speech(model))
    method = subject.cls(trained, subject.spec)
    for stage in subject.cls.stages:
        method.prepare(stage, subject.clips)
    encoders = [module for module in method.modules() if isinstance(module, SpeechEncoder)]
    calls = []
    for encoder in encoders:
        encoder.model.encoder.register_forward_hook(lambda *_: calls.append(1))
    clip = subject.clips[0]
    for style in (0, 1, 0):
        noise = make_noise(0, clip.name, str(style))
        method.eval().predict(clip.audio, clip.template, style, 20, 2, noise)
    assert len(calls) == len(encoders)


def _with_trained_speech(model):
    """The preset with a speech encoder that is not frozen: nothing may rely on a frozen one."""
    if not isinstance(model, dict):
        return model
    changed = {key: _with_trained_speech(value) for key, value in model.items()}
    if model.get("kind") == "mel-hubert":
        changed["frozen"] = "none"
    return changed
