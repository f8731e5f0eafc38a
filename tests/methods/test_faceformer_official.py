"""FaceFormer against the published implementation's numbers, and published checkpoints.

Where the numbers come from: tests/golden/README.md.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data import DatasetSpec
from methods.faceformer import FaceFormer, FaceFormerConfig
from methods.faceformer.official import export, load
from methods.layers.speech import SpeechConfig

GOLDEN = Path(__file__).parents[1] / "golden"


def make_spec(fps, num_vertices, num_styles):
    return DatasetSpec(
        name="published",
        fps=fps,
        unit="m",
        faces=torch.tensor([[0, 1, 2]]),
        template=torch.zeros(num_vertices, 3),
        masks={},
        styles=tuple(f"S{k}" for k in range(num_styles)),
    )


def rule_weights(shapes):
    """The weights of the golden runs: a seed and a rule per published name."""
    return {name: torch.from_numpy(rule_weight(name, shape)) for name, shape in shapes.items()}


def rule_weight(name, shape):
    normal = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if name.endswith("weight_g"):
        normal = 3 + 0.1 * normal
    elif name.endswith("weight_v"):
        pass
    elif "norm" in name and name.endswith("weight"):
        normal = 1 + 0.1 * normal
    elif name.endswith("bias") or "bias_" in name:
        normal = 0.05 * normal
    elif name.endswith("masked_spec_embed"):
        normal = 0.5 * normal
    else:
        normal = normal / np.sqrt(np.prod(shape[1:]))
    return normal.astype(np.float32)


def seeded(seed, *shape):
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape).astype(np.float32))


@pytest.fixture(scope="module", params=["BIWI", "vocaset"])
def full_width(request):
    """The published sizes with two speech layers, 20 vertices, rule weights; and its numbers."""
    fps, width, styles = {"BIWI": (25.0, 128, 6), "vocaset": (30.0, 64, 8)}[request.param]
    speech = SpeechConfig(
        kind="wav2vec2", random_weights=True, num_layers=2, frozen="feature-extractor"
    )
    spec = make_spec(fps, num_vertices=20, num_styles=styles)
    blank = FaceFormer(FaceFormerConfig(num_features=width, speech=speech), spec)
    weights = rule_weights({name: tuple(w.shape) for name, w in export(blank).items()})
    with np.load(GOLDEN / f"faceformer_{request.param}.npz") as golden:
        return load(weights, spec), {name: torch.from_numpy(golden[name]) for name in golden.files}


def mean_square(method, memory, style, template, truth, teacher_forced):
    network = method.network
    truth = truth[:, : memory.shape[1] // network.tokens_per_frame]
    if teacher_forced:
        hidden = network.teacher_forced(memory, style, truth - template)
    else:
        hidden = network(memory, style)
    return (network.vertice_map_r(hidden) + template - truth).square().mean()


@torch.no_grad()
def test_published_numbers_at_full_width(full_width):
    method, golden = full_width
    network = method.network
    audio, template, truth = seeded(7, 1, 16_000), seeded(11, 1, 60), seeded(12, 1, 30, 60)
    style = torch.tensor([2])
    heard = []
    hook = network.audio_feature_map.register_forward_pre_hook(lambda _, x: heard.append(x[0][0]))
    memory = network.hear(audio)
    hook.remove()
    torch.testing.assert_close(heard[0], golden["hidden"], rtol=0, atol=1e-5)
    predicted = network.vertice_map_r(network(memory, style)) + template
    torch.testing.assert_close(predicted[0], golden["prediction"], rtol=0, atol=1e-5)
    memory = network.hear(audio, 30)
    for name, teacher_forced in (("loss_ar", False), ("loss_tf", True)):
        found = mean_square(method, memory, style, template, truth, teacher_forced)
        torch.testing.assert_close(found.double(), golden[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("fps", "width", "num_vertices", "num_styles", "total", "trained"),
    [
        (25.0, 128, 23_370, 6, 112_688_094, 108_487_646),
        (30.0, 64, 5_023, 8, 96_415_645, 92_215_197),
    ],
    ids=["BIWI", "VOCASET"],
)
def test_parameter_counts_of_the_published_sizes(
    fps, width, num_vertices, num_styles, total, trained
):
    speech = SpeechConfig(kind="wav2vec2", random_weights=True, frozen="feature-extractor")
    with torch.device("meta"):  # shapes without memory
        method = FaceFormer(
            FaceFormerConfig(num_features=width, speech=speech),
            make_spec(fps, num_vertices, num_styles),
        )
    assert sum(p.numel() for p in method.parameters()) == total
    assert sum(p.numel() for g in method.trainable("main") for p in g["params"]) == trained


@pytest.fixture(scope="module", params=["biwi", "vocaset"])
def explicit(request):
    """A tiny published state dict as it is spelled in files, and everything it gave."""
    with np.load(GOLDEN / f"explicit_faceformer_{request.param}.npz") as golden:
        arrays = {name: golden[name] for name in golden.files}
    meta = json.loads(str(arrays.pop("meta")))
    tensors = {name: torch.from_numpy(value) for name, value in arrays.items()}
    weights = {n.removeprefix("sd/"): v for n, v in tensors.items() if n.startswith("sd/")}
    return weights, tensors, meta


def load_explicit(weights, meta, **changes):
    heads = meta["speech"]["num_attention_heads"]
    return load(weights, **({"fps": meta["period"], "speech_num_heads": heads} | changes))


@torch.no_grad()
@pytest.mark.parametrize("unroll", ["fast", "reference"])
def test_published_numbers_from_a_published_state_dict(explicit, unroll):
    weights, golden, meta = explicit
    method = load_explicit(weights, meta, unroll=unroll)
    network, template = method.network, golden["template"]
    style = golden["one_hot"].argmax(1)
    memory = network.hear(golden["audio"])
    predicted = network.vertice_map_r(network(memory, style)) + template
    torch.testing.assert_close(predicted, golden["prediction"], rtol=0, atol=1e-5)
    truth = golden["vertices"]
    memory = network.hear(golden["audio"], truth.shape[1])
    forced = network.vertice_map_r(network.teacher_forced(memory, style, truth - template))
    torch.testing.assert_close(forced + template, golden["teacher_forced"], rtol=0, atol=1e-5)
    for name, forcing in (("autoregressive_loss", False), ("teacher_forced_loss", True)):
        found = mean_square(method, memory, style, template, truth, forcing)
        torch.testing.assert_close(found.double(), golden[name], rtol=0, atol=1e-5)


def test_names_are_the_published_ones_both_ways(explicit):
    weights, _, meta = explicit
    method = load_explicit(weights, meta)
    exported = export(method)
    assert exported.keys() == weights.keys()
    assert all(torch.equal(exported[name], weights[name]) for name in weights)
    method.motion_scale.fill_(2.0)
    with pytest.raises(ValueError, match="motion_scale train_std has no published form"):
        export(method)


def test_other_spellings_of_a_checkpoint_load_too(explicit):
    weights, _, meta = explicit
    period = meta["period"]
    parametrized = {"weight_g": "original0", "weight_v": "original1"}
    respelled = {"module.PPE.pe": torch.zeros(1, (600 // period + 1) * period, 32)}
    for name, value in weights.items():
        stem, _, last = name.rpartition(".")
        if last in parametrized:
            name = f"{stem}.parametrizations.weight.{parametrized[last]}"
        respelled[f"module.{name}"] = value
    method = load(respelled, speech_num_heads=2)  # the frame rate comes from PPE.pe
    assert method.network.fps == method.network.period == period
    expected = load_explicit(weights, meta).state_dict()
    assert all(torch.equal(value, expected[n]) for n, value in method.state_dict().items())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda w: w.pop("obj_vector.weight"), "no FaceFormer checkpoint: obj_vector.weight"),
        (lambda w: w.pop("vertice_map_r.bias"), "1 missing: vertice_map_r.bias"),
        (lambda w: w.update(extra=torch.ones(1)), "1 unexpected: extra"),
        (
            lambda w: w.update({"vertice_map_r.bias": torch.ones(2)}),
            "1 of another shape: vertice_map_r.bias",
        ),
    ],
)
def test_a_checkpoint_that_does_not_fit_says_where(explicit, damage, message):
    weights, _, meta = explicit
    weights = dict(weights)
    damage(weights)
    with pytest.raises(ValueError, match=message):
        load_explicit(weights, meta)


def test_a_checkpoint_without_its_frame_rate_asks_for_it(explicit):
    with pytest.raises(ValueError, match="pass spec or fps"):
        load(explicit[0])
