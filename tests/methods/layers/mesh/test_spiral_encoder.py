"""Eq. 3 by hand; the encoder against convolving everywhere; its size on a full mesh."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from methods.layers.mesh.decimation import Hierarchy, build_hierarchy
from methods.layers.mesh.spiral_encoder import SpiralConv, SpiralEncoder

CHANNELS = (4, 5, 6)


@pytest.fixture
def hierarchy(icosphere, cache):
    return build_hierarchy(*icosphere(3), kernel_size=5, dilation=2, num_layers=3)


def small_encoder(hierarchy: Hierarchy, **options) -> SpiralEncoder:
    torch.manual_seed(0)
    options = {"channels": CHANNELS, "kernel_size": 5, "out_features": 8, **options}
    return SpiralEncoder(hierarchy, **options).double()


def convolve_everywhere_then_select(
    encoder: SpiralEncoder, hierarchy: Hierarchy, motion: torch.Tensor
) -> torch.Tensor:
    """The encoder as the paper draws it: whole levels are convolved, then down-sampled."""
    features = motion
    for block, spirals, kept in zip(encoder.blocks, hierarchy.spirals, hierarchy.kept, strict=True):
        everywhere = F.elu(block.conv(features, torch.from_numpy(spirals)))
        features = everywhere[:, torch.from_numpy(kept)]
    return F.leaky_relu(encoder.fusion(features.flatten(1)), 0.2)


def gradients(encoder: SpiralEncoder, loss: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, list(encoder.parameters())))


def test_eq_3_is_one_linear_map_of_the_features_along_the_spiral():
    conv = SpiralConv(in_channels=2, out_channels=1, kernel_size=3)
    with torch.no_grad():
        conv.linear.weight[:] = torch.tensor([[1.0, 10, 100, 1000, 1e4, 1e5]])
        conv.linear.bias[:] = 0.5
    features = torch.tensor([[[1.0, 2], [3, 4], [5, 6], [7, 8]]])  # (1 frame, 4 vertices, 2)
    spirals = torch.tensor([[0, 2, 1], [3, 0, 0]])
    # centre 1 2, then 5 6, then 3 4; centre 7 8, then 1 2 twice
    assert conv(features, spirals).tolist() == [[[436521.5], [212187.5]]]


def test_eq_3_weights_start_xavier_uniform_and_biases_zero():
    torch.manual_seed(0)
    linear = SpiralConv(in_channels=32, out_channels=64, kernel_size=9).linear
    bound = (6 / (9 * 32 + 64)) ** 0.5
    assert 0.99 * bound < linear.weight.abs().max() <= bound
    assert linear.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert not linear.bias.any()


def test_eq_3_at_survivors_only_equals_convolving_everywhere_then_selecting(hierarchy):
    encoder = small_encoder(hierarchy)
    motion = torch.randn(4, 642, 3, dtype=torch.float64, requires_grad=True)
    plain = convolve_everywhere_then_select(encoder, hierarchy, motion)
    fast = encoder(motion)
    torch.testing.assert_close(fast, plain, rtol=0, atol=1e-6)
    inputs = [motion, *encoder.parameters()]
    for ours, reference in zip(
        torch.autograd.grad(fast.square().sum(), inputs),
        torch.autograd.grad(plain.square().sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(ours, reference, rtol=0, atol=1e-6)
        assert reference.abs().max() > 1e-3


def test_each_frame_is_encoded_alone_whatever_the_leading_axes(hierarchy):
    encoder = small_encoder(hierarchy)
    motion = torch.randn(2, 3, 642, 3, dtype=torch.float64)
    features = encoder(motion)
    assert features.shape == (2, 3, 8)
    torch.testing.assert_close(encoder(motion[1, 2]), features[1, 2])


def test_frames_in_chunks_give_the_same_features_and_gradients(hierarchy):
    whole = small_encoder(hierarchy)
    chunked = small_encoder(hierarchy, frames_per_chunk=3)
    motion = torch.randn(1, 7, 642, 3, dtype=torch.float64)
    torch.testing.assert_close(chunked(motion), whole(motion))
    for ours, reference in zip(
        gradients(chunked, chunked(motion).square().sum()),
        gradients(whole, whole(motion).square().sum()),
        strict=True,
    ):
        torch.testing.assert_close(ours, reference)


def test_the_fusion_layer_leaks_with_the_given_slope(hierarchy):
    encoder = small_encoder(hierarchy)
    steeper = small_encoder(hierarchy, negative_slope=0.4)
    motion = torch.randn(20, 642, 3, dtype=torch.float64)
    ratio = steeper(motion) / encoder(motion)
    assert set(ratio.round(decimals=6).unique().tolist()) == {1.0, 2.0}


def test_an_encoder_built_from_a_mesh_is_the_one_built_from_its_hierarchy(icosphere, hierarchy):
    vertices, faces = icosphere(3)
    mesh = (torch.from_numpy(faces), torch.from_numpy(vertices))
    encoder = small_encoder(mesh)
    motion = torch.randn(2, 642, 3, dtype=torch.float64)
    assert (encoder(motion) == small_encoder(hierarchy)(motion)).all()


def test_a_checkpoint_carries_its_indices_and_their_hash(icosphere, hierarchy):
    trained = small_encoder(hierarchy)
    assert bytes(trained.hierarchy_sha256.tolist()).hex() == hierarchy.sha256
    vertices, faces = icosphere(3)
    squeezed = vertices * np.float32([1, 1, 0.2])  # same faces, other survivors
    fresh = small_encoder((torch.from_numpy(faces), torch.from_numpy(squeezed)))
    motion = torch.randn(2, 642, 3, dtype=torch.float64)
    assert (fresh.blocks[0].spirals != trained.blocks[0].spirals).any()
    assert (fresh(motion) != trained(motion)).any()
    fresh.load_state_dict(trained.state_dict())
    assert (fresh(motion) == trained(motion)).all()
    assert bytes(fresh.hierarchy_sha256.tolist()).hex() == hierarchy.sha256


def test_parameter_counts_at_biwi_size():
    levels = [23370, 5843, 1461, 366, 92]
    some_indices = Hierarchy(
        kernel_size=9,
        dilation=2,
        kept=tuple(np.arange(count) for count in levels[1:]),
        faces=(),
        spirals=tuple(np.zeros((count, 9), dtype=np.int64) for count in levels[:-1]),
    )
    encoder = SpiralEncoder(some_indices)
    assert sum(p.numel() for p in encoder.blocks.parameters()) == 37_888
    assert sum(p.numel() for p in encoder.fusion.parameters()) == 92 * 64 * 1024 + 1024 == 6_030_336
    assert sum(p.numel() for p in encoder.parameters()) == 37_888 + 6_030_336
    assert encoder(torch.zeros(1, 23370, 3)).shape == (1, 1024)


@pytest.mark.parametrize(
    ("options", "got"),
    [
        ({"kernel_size": 9}, "9, 2, 3"),
        ({"dilation": 1}, "5, 1, 3"),
        ({"channels": (4,)}, "5, 2, 1"),
    ],
)
def test_a_hierarchy_of_other_spirals_is_refused(hierarchy, options, got):
    with pytest.raises(ValueError, match=rf"layers\) \({got}\), got \(5, 2, 3\); build it"):
        small_encoder(hierarchy, **options)


def test_motion_of_another_mesh_is_refused(hierarchy):
    with pytest.raises(ValueError, match="built for 642 vertices, the motion has 650"):
        small_encoder(hierarchy)(torch.zeros(1, 650, 3, dtype=torch.float64))
