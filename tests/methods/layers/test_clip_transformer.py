"""The trunk of stage 1 against its definition: padded clips, positions, blocks.

Shapes   B clips, T frames, D features.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bench.data import valid_frames
from methods.layers.clip_transformer import Block, Positions, Trunk, TrunkConfig
from methods.layers.clips import ClipConvolution, instance_norm

HIDDEN, HEADS = 12, 3
NUM_FRAMES = torch.tensor([6, 4])


def random(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make_trunk(**changes):
    known = {"hidden": HIDDEN, "num_layers": 2, "num_heads": HEADS, "feed_forward": 10}
    known |= {"temporal_norm": "instance", "position_dropout": 0.0}
    known |= {"positions": "frames", "attention_scale": "head"}
    torch.manual_seed(0)
    return Trunk(TrunkConfig(**known | changes)).eval()


def own_frames(x):
    """The clips of a batch without their padding, each a batch of one."""
    return [clip[None, :frames] for clip, frames in zip(x, NUM_FRAMES.tolist(), strict=True)]


def test_instance_norm_is_torchs_over_each_clips_own_frames():
    x = 5 + 3 * random(2, 6, HIDDEN)
    found = instance_norm(x, valid_frames(NUM_FRAMES, 6))
    for clip, mine in zip(own_frames(x), own_frames(found), strict=True):
        torch.testing.assert_close(mine, F.instance_norm(clip.mT).mT)
    assert not found[1, 4:].any()


def test_one_frame_has_nothing_to_normalise_and_becomes_zero():
    assert not instance_norm(random(1, 1, HIDDEN), torch.ones(1, 1).bool()).any()


def test_the_convolution_pads_each_clip_with_its_first_and_last_frame():
    x, module = random(2, 6, HIDDEN), ClipConvolution(HIDDEN)
    weight, bias = module.convolution.weight, module.convolution.bias
    found = module(x, NUM_FRAMES)
    for clip, mine in zip(own_frames(x), own_frames(found), strict=True):
        padded = F.pad(clip.mT, (2, 2), mode="replicate")
        torch.testing.assert_close(mine, F.conv1d(padded, weight, bias).mT)


def test_positions_are_the_sinusoidal_table_or_its_first_row_for_all():
    zeros = torch.zeros(1, 7, HIDDEN)
    found = Positions(HIDDEN, 0.0, per_frame=True)(zeros)[0]
    for t in range(7):
        for i in range(0, HIDDEN, 2):
            angle = torch.tensor(t / 10_000 ** (i / HIDDEN))
            torch.testing.assert_close(found[t, i : i + 2], torch.stack([angle.sin(), angle.cos()]))
    published = Positions(HIDDEN, 0.0, per_frame=False)(zeros)[0]
    assert torch.equal(published, found[:1].expand(7, -1)) and published[0, :2].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("attention_scale", "width"), [("head", HIDDEN / HEADS), ("width", HIDDEN)]
)
def test_a_block_is_attention_and_a_feed_forward_network_on_normalised_features(
    attention_scale, width
):
    block, scale = make_trunk(attention_scale=attention_scale).blocks[0], width**-0.5
    x = random(1, 5, HIDDEN)
    joint = F.layer_norm(x[0], (HIDDEN,)) @ block.queries_keys_values.weight.T  # (T, 3 D), no bias
    heads = []
    for head in joint.view(5, 3, HEADS, -1).permute(2, 1, 0, 3):  # one (q, k, v) per head
        q, k, v = head
        heads.append((q @ k.T * scale).softmax(-1) @ v)
    attended = x + block.attention_out(torch.cat(heads, dim=-1))
    first, second = block.expand, block.contract
    hidden = F.gelu(first(F.layer_norm(attended, (HIDDEN,))), approximate="tanh")
    torch.testing.assert_close(block(x, torch.ones(1, 5).bool()), attended + second(hidden))


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_a_clip_is_the_same_alone_and_in_a_padded_batch(norm):
    trunk, x = make_trunk(temporal_norm=norm), random(2, 6, HIDDEN)
    together = trunk(x, NUM_FRAMES)
    for k, clip in enumerate(own_frames(x)):
        alone = trunk(clip, NUM_FRAMES[k : k + 1])
        torch.testing.assert_close(together[k : k + 1, : clip.shape[1]], alone)


def test_the_trunk_is_convolution_leaky_relu_norm_linear_positions_and_blocks():
    trunk, x, every = make_trunk(), random(1, 6, HIDDEN), torch.tensor([6])
    features = F.leaky_relu(trunk.convolution(x, every), 0.2)
    features = trunk.positions(trunk.embedding(F.instance_norm(features.mT).mT))
    for block in trunk.blocks:
        features = block(features, torch.ones(1, 6).bool())
    torch.testing.assert_close(trunk(x, every), features)
    assert len(trunk.blocks) == 2 and isinstance(trunk.blocks[0], Block)


def test_instance_norm_takes_a_clips_size_away_and_none_keeps_it():
    x, every = random(1, 6, HIDDEN), torch.tensor([6])
    for norm, blind in (("instance", True), ("none", False)):
        trunk = make_trunk(temporal_norm=norm)
        nn.init.zeros_(trunk.convolution.convolution.bias)
        plain, larger = trunk(x, every), trunk(30 * x, every)
        assert torch.allclose(plain, larger, atol=1e-2) == blind
