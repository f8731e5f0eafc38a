"""CodeTalker's fast loop over frames against the published one, and the parts it is made of."""

import copy

import pytest
import torch
from torch import nn

from methods.codetalker import CodeTalker, CodeTalkerConfig, fast, plain
from methods.codetalker.config import AutoencoderConfig, PredictorConfig
from methods.codetalker.fast import FRAMES_PER_CHUNK, FoldedDecoder, PrefixTrunk
from methods.layers.attention import alignment_mask, biased_causal_mask
from methods.layers.speech import SpeechConfig

SPEECH = SpeechConfig(
    hidden=16, num_layers=1, num_heads=2, feed_forward=16, position_kernel=8, position_groups=2
)
SIZES = {
    "hidden": 32,
    "num_layers": 2,
    "num_heads": 4,
    "feed_forward": 24,
    "face_components": 4,
    "channels": 8,
    "codebook_size": 32,
}
VARIANTS = {
    "published": {},
    "sensible": {"temporal_norm": "none", "positions": "frames", "attention_scale": "head"},
    "vocaset": {"latent_linear": False, "vertex_bias": True},
}
NEAR_TIE = 1e-4  # relative gap of two distances that rounding may close


@pytest.fixture(scope="module")
def make(make_spec):
    """make(fps, num_layers=..., autoencoder={...}, sampling={...}) -> a tiny model that moves."""

    def build(fps=25.0, autoencoder=None, sampling=None, **predictor):
        torch.manual_seed(0)
        sizes = {"speech": SPEECH, "num_features": 32, "num_layers": 2, "dropout": 0.0}
        config = CodeTalkerConfig(
            autoencoder=AutoencoderConfig(**(SIZES | (autoencoder or {}))),
            predictor=PredictorConfig(**(sizes | predictor)),
            sampling=sampling or {},
        )
        method = CodeTalker(config, make_spec(fps, num_vertices=7, num_styles=3)).eval()
        nn.init.normal_(method.predictor.feat_map.weight, std=0.2)
        nn.init.normal_(method.autoencoder.quantizer.codebook)
        for vertices in (method.autoencoder.decoder.vertices_out, method.predictor.vertice_map):
            nn.init.normal_(vertices.weight)
        nn.init.normal_(method.predictor.vertice_map.bias)
        return method

    return build


def no_noise(sample, shape):
    raise AssertionError("a deterministic method draws nothing")


def memory_of(method, num_frames, seed=1):
    """Tokens of a clip as the speech encoder might give them."""
    tokens = num_frames * method.predictor.tokens_per_frame
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, tokens, method.config.predictor.num_features, generator=generator)


def both_forms(method, memory):
    """(codes of the fast form, codes of the published loop)"""
    modules, sampling = (method.predictor, method.autoencoder), method.config.sampling
    style = torch.tensor([1])
    quick = fast.unroll(*modules, memory, style, sampling, method._folded(*modules))
    with torch.no_grad():
        return quick, plain.unroll(*modules, memory, style, sampling)


def relative_gap(method, memory, codes, frame):
    """How near the two nearest entries lie to each latent of a frame, given the frames before."""
    predictor, autoencoder = method.predictor, method.autoencoder
    seen = []
    quantizer = copy.copy(autoencoder.quantizer)
    hook = predictor.feat_map.register_forward_hook(lambda _, __, out: seen.append(out[:, -1]))
    with torch.no_grad():
        plain.unroll(
            predictor,
            autoencoder,
            memory[:, : (frame + 1) * predictor.tokens_per_frame],
            torch.tensor([1]),
            method.config.sampling,
        )
    hook.remove()
    latents = autoencoder.components(seen[-1])[0]  # (H, C)
    nearest = torch.cdist(latents, quantizer.codebook).sort(1).values
    return (nearest[:, 1] - nearest[:, 0]) / nearest[:, 0]


def assert_equal_but_for_ties(method, memory, quick, published):
    """Up to the first frame with another code, which must be a near tie, all codes are equal."""
    differing = (quick != published).any(1).nonzero().flatten().tolist()
    if differing:
        first = differing[0]
        gaps = relative_gap(method, memory, published, first)[quick[first] != published[first]]
        assert gaps.max() < NEAR_TIE, f"frame {first}: gap {gaps.max():.3g} is no tie"
    return not differing


@pytest.mark.parametrize("fps", [25.0, 30.0])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_fast_form_finds_the_codes_of_the_published_loop(make, fps, variant):
    method = make(fps, VARIANTS[variant], period=5)
    memory = memory_of(method, 40)
    quick, published = both_forms(method, memory)
    assert quick.shape == (40, 4) and len(quick.unique()) > 10  # it does not stand still
    assert assert_equal_but_for_ties(method, memory, quick, published)


def test_a_code_that_differs_must_be_a_near_tie(make):
    method = make()
    memory = memory_of(method, 6)
    quick, published = both_forms(method, memory)
    quick[3, 0] = (quick[3, 0] + 1) % 32
    with pytest.raises(AssertionError, match="frame 3: gap .* is no tie"):
        assert_equal_but_for_ties(method, memory, quick, published)


@pytest.mark.parametrize("sampling", [{"first_token": "rest"}, {"second_token": "rest"}])
def test_alternatives_of_the_first_tokens_are_the_same_in_both_forms(make, sampling):
    published, changed = make(), make(sampling=sampling)
    memory = memory_of(changed, 30)
    quick, slow = both_forms(changed, memory)
    assert_equal_but_for_ties(changed, memory, quick, slow)
    assert not torch.equal(quick, both_forms(published, memory)[0])


@pytest.mark.parametrize("form", ["fast", "plain"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_clip_of_one_frame_is_predicted(make, form, variant):
    method = make(25.0, VARIANTS[variant], sampling={"form": form})
    vertices = method.predict(torch.randn(720), torch.zeros(7, 3), 0, 10, 1, no_noise)
    assert vertices.shape == (1, 1, 7, 3) and vertices.isfinite().all()


def test_predictions_of_both_forms_are_equal(make):
    audio = torch.randn(16_000, generator=torch.Generator().manual_seed(2))
    found = [
        make(sampling={"form": form}).predict(audio, torch.ones(7, 3), 1, 100, 2, no_noise)
        for form in ("fast", "plain")
    ]
    assert found[0].shape == (2, 24, 7, 3)
    torch.testing.assert_close(*found, rtol=0, atol=1e-5)


def test_a_minute_of_speech_is_predicted(make):
    method = make(num_layers=1, autoencoder={"num_layers": 1})
    codes = method.codes(memory_of(method, 1500), torch.tensor([1]))
    assert codes.shape == (1500, 4)
    assert len(codes[1400:].unique()) > 10


class LargestTensor(torch.overrides.TorchFunctionMode):
    """Numbers in the largest tensor that a function of torch gives."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.layout == torch.strided:
            self.numbers = max(self.numbers, result.numel())
        return result


def test_memory_does_not_grow_with_the_square_of_the_length(make):
    method = make(num_layers=1)
    largest = {}
    for form, unroll in (("fast", fast.unroll), ("plain", plain.unroll)):
        modules, frames = (method.predictor, method.autoencoder), 200 if form == "fast" else 40
        folded = (method._folded(*modules),) if form == "fast" else ()
        with torch.no_grad(), LargestTensor() as watch:
            style = torch.tensor([1])
            unroll(*modules, memory_of(method, frames), style, method.config.sampling, *folded)
        largest[form] = watch.numbers
    assert largest["fast"] < 200**2  # four heads of a table would be 4 * 200**2
    assert largest["plain"] >= 4 * 40**2


# Parts of the fast form


@torch.no_grad()
@pytest.mark.parametrize("tokens_per_frame", [1, 2, 3])
def test_the_folded_decoder_is_the_decoder(make, tokens_per_frame):
    decoder = make(num_layers=3).predictor.transformer_decoder
    for layer in decoder.layers:  # torch starts these at zero
        for attention in (layer.self_attn, layer.multihead_attn):
            nn.init.normal_(attention.in_proj_bias)
            nn.init.normal_(attention.out_proj.bias)
    num_frames = FRAMES_PER_CHUNK + 9
    x = torch.randn(1, num_frames, 32)
    memory = torch.randn(1, num_frames * tokens_per_frame, 32)
    folded = FoldedDecoder(decoder, memory, tokens_per_frame, period=4)
    found = torch.cat([folded(frame) for frame in x[0].split(1)])
    mask = biased_causal_mask(num_frames, 4, 4)
    expected = decoder(x, memory, mask, alignment_mask(num_frames, tokens_per_frame))[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


@torch.no_grad()
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_prefix_trunk_gives_the_last_frame_of_every_prefix(make, variant):
    decoder = make(autoencoder=VARIANTS[variant] | {"num_layers": 3}).autoencoder.decoder
    latents = torch.randn(1, 12, 32)
    prefix = PrefixTrunk(decoder, 12)
    for frame in range(12):
        found = prefix(latents[:, frame])
        known = latents[:, : frame + 1] if frame else latents[:, :1].expand(-1, 2, -1)
        features = decoder.trunk(decoder.from_latents(known), torch.tensor([known.shape[1]]))
        expected = features[:, frame]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_folded_feedback_is_two_linear_maps_and_follows_their_weights(make):
    method = make(autoencoder=VARIANTS["vocaset"])
    after, before = method.predictor.vertice_map, method.autoencoder.decoder.vertices_out
    hidden = torch.randn(5, 32)

    def check():
        weight, bias = method._folded(method.predictor, method.autoencoder)
        found = nn.functional.linear(hidden, weight, bias)
        torch.testing.assert_close(found, after(before(hidden)), rtol=0, atol=1e-4)

    check()
    once = method._folded(method.predictor, method.autoencoder)[0]
    assert method._folded(method.predictor, method.autoencoder)[0] is once
    for tensor in (after.weight, after.bias, before.weight, before.bias):
        tensor.mul_(2)
        check()
    other = make(autoencoder=VARIANTS["vocaset"])
    other.load_state_dict(method.state_dict())
    assert not torch.equal(
        copy.deepcopy(method)._folded(other.predictor, other.autoencoder)[0], once
    )


def test_no_step_of_the_fast_loop_touches_vertices(make):
    method, calls = make(), []
    method.autoencoder.decoder.vertices_out.register_forward_hook(lambda *_: calls.append(1))
    method.predict(torch.randn(16_000), torch.zeros(7, 3), 0, 100, 1, no_noise)
    assert len(calls) == 1
