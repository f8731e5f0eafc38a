"""The fixed log-mel front (methods/layers/speech/log_mel.py)."""

import math

import torch

from methods.layers.speech.log_mel import LogMel, mel_filters
from methods.layers.speech.tokens import token_count


def test_it_gives_as_many_tokens_as_the_convolutions_it_replaces():
    for samples in (400, 719, 720, 1040, 16_000, 18_445):
        features = LogMel()(torch.randn(2, samples))
        assert features.shape == (2, 80, token_count(samples))
        assert features.isfinite().all()


def test_a_click_in_the_middle_of_a_token_is_loudest_there():
    front = LogMel()
    for token in (0, 3, 9):
        audio = torch.zeros(1, 400 + 320 * 9)
        audio[0, 320 * token + 200] = 100
        energy = front(audio)[0].sum(0)
        assert int(energy.argmax()) == token
        halves = front(audio)[0, :, token].view(2, -1).sum(1)  # the token's two 10 ms frames
        torch.testing.assert_close(halves[0], halves[1], rtol=1e-3, atol=1e-3)


def test_a_tone_is_loudest_in_the_band_around_it():
    time = torch.arange(16_000) / 16_000
    for hertz in (200, 1000, 4000):
        features = LogMel()(torch.sin(2 * math.pi * hertz * time)[None])[0]
        centre = mel_filters(40)[round(hertz / 8000 * 256)].argmax()
        assert int(features[:40, 20].argmax()) == int(centre)


def test_filters_are_triangles_from_60_to_7600_hz():
    filters = mel_filters(40)
    hertz = torch.linspace(0, 8000, 257)
    assert filters.shape == (257, 40) and filters.min() == 0 and filters.max() <= 1
    assert not filters[(hertz < 60) | (hertz > 7600)].any()
    inside = filters[(hertz > 150) & (hertz < 7000)].sum(1)
    torch.testing.assert_close(inside, torch.ones_like(inside))  # neighbours add up to one


def test_loudness_and_weights_play_no_part():
    front, audio = LogMel(), torch.randn(1, 8000)
    assert not list(front.parameters()) and not front.state_dict()
    found = front(audio)
    torch.testing.assert_close(found.mean((1, 2)), torch.zeros(1), rtol=0, atol=1e-5)
    torch.testing.assert_close(found.flatten(1).std(1), torch.ones(1), rtol=0, atol=1e-3)
