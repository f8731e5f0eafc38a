"""Rates and lengths of speech tokens (methods/layers/speech/tokens.py)."""

import pytest
import torch

from methods.layers.speech.tokens import (
    frames_from_tokens,
    normalise_audio,
    num_frames_supported,
    pair_tokens,
    resample_tokens,
    token_count,
    tokens_per_frame,
    unpad_audio,
)


def ramp(num_tokens, num_features=1):
    """Token j holds j in every feature."""
    return torch.arange(float(num_tokens))[None, :, None].expand(1, num_tokens, num_features)


def test_token_count_is_the_seven_layer_recurrence():
    for samples in (400, 719, 720, 16_000, 18_445, 80_000):
        length = samples
        for kernel, stride in ((10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)):
            length = (length - kernel) // stride + 1
        assert token_count(samples) == length
    assert token_count(16_000) == 49 and token_count(80_000) == 249
    assert token_count(399) == 0


def test_two_tokens_make_a_frame_at_25_fps_only():
    assert [tokens_per_frame(fps) for fps in (25.0, 30.0, 50.0, 60.0)] == [2, 1, 1, 1]


def test_supported_frames_follow_the_published_expressions():
    assert num_frames_supported(16_000, 25.0) == 24  # 49 tokens, the odd one dropped
    assert num_frames_supported(16_000, 30.0) == 29
    # 205 tokens: 205 / 50 * 30 is just below 123 in float64
    assert num_frames_supported(400 + 204 * 320, 30.0) == 122
    assert num_frames_supported(100, 25.0) == num_frames_supported(100, 30.0) == 0


def test_pairs_stand_side_by_side_and_an_odd_token_goes():
    pairs = pair_tokens(ramp(5, 2))
    assert pairs.tolist() == [[[0, 0, 1, 1], [2, 2, 3, 3]]]


def test_resampling_keeps_both_ends():
    found = resample_tokens(ramp(49), 30)[0, :, 0]
    torch.testing.assert_close(found, torch.arange(30) * 48 / 29)
    assert resample_tokens(ramp(5), 1).tolist() == [[[0.0]]]


def test_frames_at_25_fps_are_pairs_that_are_cut_and_never_padded():
    assert frames_from_tokens(ramp(9), 25.0).tolist() == [[[0, 1], [2, 3], [4, 5], [6, 7]]]
    assert frames_from_tokens(ramp(9), 25.0, 3).shape == (1, 3, 2)
    assert frames_from_tokens(ramp(9), 25.0, 100).shape == (1, 4, 2)


def test_frames_at_30_fps_are_interpolated_to_two_tokens_each():
    frames = frames_from_tokens(ramp(49), 30.0, 30)
    torch.testing.assert_close(frames.flatten(), torch.arange(60) * 48 / 59)
    assert frames_from_tokens(ramp(49), 30.0).shape == (1, 29, 2)


def test_normalisation_is_per_clip_with_the_published_epsilon():
    generator = torch.Generator().manual_seed(0)
    audio = torch.randn(2, 4000, generator=generator) * torch.tensor([[0.01], [0.3]]) + 0.1
    found = normalise_audio(audio)
    for clip, expected in zip(found, audio, strict=True):
        centred = expected - expected.mean()
        # at a variance of 1e-4 another epsilon changes the amplitude by 5 %
        torch.testing.assert_close(clip, centred / (centred.square().mean() + 1e-5).sqrt())


def test_clips_of_a_batch_lose_their_padding():
    audio, frames = torch.ones(2, 3300), torch.tensor([5, 3])
    assert [c.shape for c in unpad_audio(audio, frames, 25.0)] == [(1, 3280), (1, 2000)]
    assert unpad_audio(audio[:1], frames[:1], 25.0)[0].shape == (1, 3300)  # nothing to lose


@pytest.mark.parametrize("fps", [25.0, 30.0])
@pytest.mark.parametrize("frames", [1, 10, 33])
def test_what_is_left_of_a_clip_supports_its_frames(fps, frames):
    clip = unpad_audio(torch.ones(2, 40_000), torch.tensor([frames, 40]), fps)[0]
    if fps == 25:
        assert num_frames_supported(clip.shape[1], fps) == frames
    else:  # tokens are interpolated to the frames there are
        assert token_count(clip.shape[1]) >= 1
