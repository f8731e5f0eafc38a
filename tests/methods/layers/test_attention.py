"""Masks, positions and the cached decoder of methods/layers/attention.py."""

import math

import pytest
import torch
from torch import nn

from methods.layers.attention import (
    CachedDecoder,
    Decoder,
    PeriodicPositionalEncoding,
    alibi_slopes,
    alignment_mask,
    biased_causal_mask,
)

FRAMES, FEATURES, HEADS, PERIOD = 7, 8, 2, 3


@pytest.fixture(params=[1, 2], ids=["one token per frame", "two tokens per frame"])
def case(request):
    """A decoder of two layers, inputs, tokens and masks; gradients reach all of them."""
    torch.manual_seed(0)
    tokens_per_frame = request.param
    decoder = Decoder(2, FEATURES, HEADS, 16, dropout=0.0)
    for parameter in decoder.parameters():  # torch starts biases at zero, which hides mistakes
        nn.init.normal_(parameter, std=0.5)
    x = torch.randn(3, FRAMES, FEATURES, requires_grad=True)
    memory = torch.randn(3, FRAMES * tokens_per_frame, FEATURES, requires_grad=True)
    mask = biased_causal_mask(FRAMES, HEADS, PERIOD)
    return decoder, x, memory, mask, tokens_per_frame


def whole(case):
    decoder, x, memory, mask, tokens_per_frame = case
    return decoder(x, memory, mask, alignment_mask(FRAMES, tokens_per_frame))


def test_slopes_are_alibis():
    assert alibi_slopes(4) == [1 / 4, 1 / 16, 1 / 64, 1 / 256]
    assert alibi_slopes(8) == [2.0**-h for h in range(1, 9)]
    # no power of two: four heads' slopes, then every second of eight heads'
    assert alibi_slopes(6) == [1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8]


def test_the_bias_grows_by_a_slope_per_period_and_hides_the_future():
    mask = biased_causal_mask(700, 4, 25)  # longer than the published 600 frames
    assert mask.shape == (4, 700, 700)
    for head, slope in enumerate(alibi_slopes(4)):
        for i, j in ((0, 0), (24, 0), (25, 0), (26, 0), (699, 0), (699, 650)):
            assert mask[head, i, j] == -slope * math.floor((i - j) / 25)
        assert mask[head, 3, 4] == -math.inf
    assert torch.equal(mask.isinf().sum((1, 2)), torch.full((4,), 700 * 699 // 2))


def test_a_frame_may_hear_its_own_tokens_only():
    allowed = ~alignment_mask(3, 2)
    assert allowed.tolist() == [
        [True, True, False, False, False, False],
        [False, False, True, True, False, False],
        [False, False, False, False, True, True],
    ]


def test_positions_repeat_after_a_period():
    encoding = PeriodicPositionalEncoding(6, period=4)
    rows = encoding.rows(9)
    assert torch.equal(rows[4:8], rows[:4]) and torch.equal(rows[8], rows[0])
    for position, channel in ((1, 0), (3, 2), (2, 4)):
        angle = position * math.exp(-channel * math.log(10_000) / 6)
        expected = torch.tensor([math.sin(angle), math.cos(angle)])
        torch.testing.assert_close(rows[position, channel : channel + 2], expected)
    assert torch.equal(encoding(torch.zeros(2, 9, 6)), rows.expand(2, 9, 6))
    assert not encoding.state_dict()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PeriodicPositionalEncoding(5, 4), "even number of features, got 5"),
        (lambda: PeriodicPositionalEncoding(6, 0), "period of at least one frame, got 0"),
        (lambda: biased_causal_mask(3, 4, 0), "period of at least one frame, got 0"),
        (lambda: alibi_slopes(0), "at least one attention head, got 0"),
    ],
)
def test_impossible_sizes_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_decoder_has_torchs_names_and_numbers(case):
    decoder, x, memory, mask, tokens_per_frame = case
    layer = nn.TransformerDecoderLayer(FEATURES, HEADS, 16, 0.0, batch_first=True)
    torchs = nn.TransformerDecoder(layer, 2)
    torchs.load_state_dict(decoder.state_dict())
    heard = alignment_mask(FRAMES, tokens_per_frame)
    expected = torchs(x, memory, tgt_mask=mask.repeat(3, 1, 1), memory_mask=heard)
    torch.testing.assert_close(whole(case), expected, rtol=0, atol=0)


def test_frame_by_frame_equals_all_frames_at_once(case):
    decoder, x, memory, mask, tokens_per_frame = case
    cached = CachedDecoder(decoder, memory, tokens_per_frame, PERIOD)
    stepped = torch.stack([cached(frame) for frame in x.unbind(1)], dim=1)
    torch.testing.assert_close(stepped, whole(case), rtol=0, atol=1e-5)

    wanted = [x, memory, *decoder.parameters()]
    weights = torch.randn(stepped.shape, generator=torch.Generator().manual_seed(1))
    found = torch.autograd.grad((stepped * weights).sum(), wanted)
    expected = torch.autograd.grad((whole(case) * weights).sum(), wanted)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_a_frame_depends_on_no_later_frame_and_no_later_token(case):
    decoder, x, memory, mask, tokens_per_frame = case
    to_x, to_memory = torch.autograd.grad(whole(case)[:, 3].sum(), [x, memory])
    assert to_x[:, :4].abs().amin() > 0 and not to_x[:, 4:].any()
    heard = to_memory.unflatten(1, (-1, tokens_per_frame)).abs().sum((0, 2, 3))
    assert (heard[:4] > 0).all() and not heard[4:].any()
