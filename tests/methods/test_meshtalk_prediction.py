"""MeshTalk: a decoder of offsets knows whose face it moves, heads use their classes, audio is
encoded once."""

import pytest
import torch

from bench.evaluation.predict import make_noise
from methods.meshtalk import MeshTalk, MeshTalkConfig
from methods.meshtalk.autoencoder import MotionAutoencoder, disuse
from methods.meshtalk.config import AutoencoderConfig, SpeechConfig
from methods.meshtalk.speech import AudioEncoder


@pytest.fixture
def spec(make_spec):
    spec = make_spec(25.0, 8, 2)
    spec.masks["mouth"], spec.masks["upper_face"] = torch.tensor([0, 1]), torch.tensor([6, 7])
    spec.template[:] = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    return spec


@pytest.fixture
def autoencoder(spec):
    torch.manual_seed(0)
    config = AutoencoderConfig(normalise="offsets", heads=4, classes=5, unet_hidden=(12, 8))
    return MotionAutoencoder(config, spec).eval()


def test_the_same_codes_move_another_face_otherwise(autoencoder):
    faces = torch.randn(2, 8, 3, generator=torch.Generator().manual_seed(1))
    codes = torch.eye(5)[torch.tensor([[[0, 1, 2, 3]] * 6])].expand(2, -1, -1, -1)
    offsets = autoencoder.decode(faces, codes) - faces[:, None]
    assert (offsets[0] - offsets[1]).abs().max() > 1e-3
    autoencoder.vertex_unet.face_scale.fill_(1e9)  # so large that all faces look alike
    offsets = autoencoder.decode(faces, codes) - faces[:, None]
    torch.testing.assert_close(offsets[0], offsets[1])


def test_disuse_is_zero_for_all_classes_alike_and_one_for_a_single_one():
    alike = torch.eye(4).repeat(3, 1)[:, None]  # (12, 1, 4): each class three times
    alone = torch.eye(4)[[2] * 12][:, None]
    assert disuse(alike.log().clamp(min=-50)) == pytest.approx(0, abs=1e-6)
    assert disuse(alone.log().clamp(min=-50)) == pytest.approx(1, abs=1e-6)
    both = torch.cat([alike, alone], dim=1)
    assert disuse(both.log().clamp(min=-50)) == pytest.approx(0.5, abs=1e-6)


@torch.no_grad()
def test_a_clip_heard_with_dropout_is_heard_again_without(spec):
    config = SpeechConfig(channels=8, code=4, dropout=0.2)
    encoder, fresh = AudioEncoder(config, spec.fps), AudioEncoder(config, spec.fps).eval()
    fresh.load_state_dict(encoder.state_dict())
    clip = [0.1 * torch.randn(9600, generator=torch.Generator().manual_seed(0))]
    assert encoder.train()(clip, [(0, 15)]).shape == (1, 15, 4)
    assert torch.equal(encoder.eval()(clip, [(0, 15)]), fresh(clip, [(0, 15)]))


def test_samples_and_styles_share_one_encoding_until_the_weights_change(spec):
    method = MeshTalk(MeshTalkConfig(context={"width": 4}), spec).eval()
    calls, heard = [], method.autoencoder.encoder.audio_encoder
    heard.register_forward_hook(lambda *_: calls.append(1))
    audio = 0.1 * torch.randn(9600, generator=torch.Generator().manual_seed(0))
    for style in (0, 1):
        method.predict(audio, spec.template, style, 8 + style, 2, make_noise(0, "clip", "S"))
    assert len(calls) == 1
    with torch.no_grad():
        heard.code.weight.mul_(2)
    method.predict(audio, spec.template, 0, 8, 1, make_noise(0, "clip", "S"))
    assert len(calls) == 2
