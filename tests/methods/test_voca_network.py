"""VOCA's network and its windows of speech against the published facts."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from methods.voca.model import VocaNetwork, pad_same, speech_windows

# The network


def test_layers_have_the_published_shapes():
    network = VocaNetwork(num_features=29, num_styles=8, num_vertices=5023, num_components=50)
    shapes = {name: tuple(p.shape) for name, p in network.named_parameters()}
    assert shapes == {
        "norm.weight": (1,),
        "norm.bias": (1,),
        "convolutions.0.weight": (32, 37, 3),  # 29 logits and 8 subjects
        "convolutions.0.bias": (32,),
        "convolutions.1.weight": (32, 32, 3),
        "convolutions.1.bias": (32,),
        "convolutions.2.weight": (64, 32, 3),
        "convolutions.2.bias": (64,),
        "convolutions.3.weight": (64, 64, 3),
        "convolutions.3.bias": (64,),
        "hidden.weight": (128, 72),  # 64 channels and 8 subjects
        "hidden.bias": (128,),
        "coefficients.weight": (50, 128),
        "coefficients.bias": (50,),
        "decoder.weight": (15069, 50),
        "decoder.bias": (15069,),
    }
    convolutions = (37 * 3 + 1) * 32 + (32 * 3 + 1) * 32 + (32 * 3 + 1) * 64 + (64 * 3 + 1) * 64
    dense = (72 + 1) * 128 + (128 + 1) * 50 + (50 + 1) * 15069
    assert sum(p.numel() for p in network.parameters()) == 2 + convolutions + dense == 809_563
    assert (network.norm.eps, network.norm.momentum) == (1e-5, pytest.approx(1 - 0.9))


def test_weights_start_as_published():
    torch.manual_seed(0)
    network = VocaNetwork(29, 8, 4, 50)
    for convolution in network.convolutions:
        for parameter in convolution.parameters():  # biases as well
            assert 0 < parameter.std() < 0.02 and parameter.abs().max() <= 0.04
    for layer in (network.hidden, network.coefficients):
        assert float(layer.weight.detach().std()) == pytest.approx(
            0.088, rel=0.03
        )  # 0.1, cut at two deviations
        assert 0.19 < layer.weight.abs().max() <= 0.2 and not layer.bias.any()
    assert not network.decoder.bias.any()


def test_same_padding_puts_its_zero_on_the_right():
    """By hand: 16 steps in pairs, the third of each window of three is the next pair's first."""
    x = torch.arange(1.0, 17).reshape(1, 1, 16)
    sums = F.conv1d(pad_same(x), torch.ones(1, 1, 3), stride=2)
    expected = [6, 12, 18, 24, 30, 36, 42, 31]  # 1+2+3, 3+4+5, ..., 13+14+15, 15+16+0
    assert sums.flatten().tolist() == expected
    lengths = [F.conv1d(pad_same(x[..., :n]), torch.ones(1, 1, 3), stride=2) for n in (8, 4, 2)]
    assert [y.shape[-1] for y in lengths] == [4, 2, 1]
    assert pad_same(x[..., :5]).flatten().tolist() == [0, 1, 2, 3, 4, 5, 0]  # odd: one each side


def test_the_network_is_the_published_chain():
    torch.manual_seed(1)
    network = VocaNetwork(5, 2, 3, 4).eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    network.norm.running_mean.fill_(0.5)
    network.norm.running_var.fill_(4.0)
    windows = torch.randn(1, 16, 5)
    one_hot = torch.tensor([[0.0, 1.0]])
    heard = (windows - 0.5) / (4 + 1e-5) ** 0.5 * network.norm.weight + network.norm.bias
    x = torch.cat([heard, one_hot.expand(16, 2)[None]], 2).mT
    for convolution in network.convolutions:
        padded = torch.cat([x, torch.zeros_like(x[..., :1])], 2)
        x = F.conv1d(padded, convolution.weight, convolution.bias, stride=2).clamp(min=0)
    x = torch.cat([x[..., 0], one_hot], 1)
    x = network.coefficients(network.hidden(x).tanh())
    expected = network.decoder(x).reshape(1, 3, 3)
    torch.testing.assert_close(network(windows, torch.tensor([1])), expected)


# Windows of speech


def test_at_60_fps_a_window_is_the_published_one():
    """Interpolation to 60 Hz, eight zeros on both sides, frames t - 8 to t + 7."""
    features = torch.randn(50, 2, dtype=torch.float64)  # one second
    times = torch.arange(60, dtype=torch.float64) / 60 * 50
    left, right = times.long(), (times.long() + 1).clamp(max=49)
    at_60 = features[left] + (times - left)[:, None] * (features[right] - features[left])
    padded = F.pad(at_60, (0, 0, 8, 8))
    expected = torch.stack([padded[t : t + 16] for t in range(60)])
    frames = torch.arange(60)
    found = speech_windows(features, frames, fps=60.0, step_rate=60.0)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_a_window_is_centred_on_its_frame_or_goes_by_frames():
    """Features that say where they are: 50 per second."""
    features = torch.arange(500.0)[:, None]
    steps = torch.arange(-8, 8)
    frame = torch.tensor([100])  # second 4 at 25 fps, feature 200
    centred = speech_windows(features, frame, 25.0, 60.0)[0, :, 0]
    torch.testing.assert_close(centred, 200 + steps * 50 / 60)
    by_frames = speech_windows(features, frame, 25.0, 25.0)[0, :, 0]
    torch.testing.assert_close(by_frames, 200.0 + steps * 2)
