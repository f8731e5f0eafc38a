"""FaceFormer against the published implementation's numbers, and published checkpoints.

Where the numbers come from: tests/golden/README.md.
"""

import pytest
import torch

from bench.evaluation.predict import make_noise
from methods.faceformer import FaceFormer, FaceFormerConfig
from methods.faceformer.official import export, load
from methods.layers.published import Mismatch
from methods.layers.speech import SpeechConfig


@pytest.fixture(scope="module", params=["BIWI", "vocaset"])
def full_width(request, make_spec, rule_weights, load_golden):
    """The published sizes with two speech layers, 20 vertices, rule weights; and its numbers."""
    fps, width, styles = {"BIWI": (25.0, 128, 6), "vocaset": (30.0, 64, 8)}[request.param]
    speech = SpeechConfig(
        kind="wav2vec2", random_weights=True, num_layers=2, frozen="feature-extractor"
    )
    spec = make_spec(fps, num_vertices=20, num_styles=styles)
    blank = FaceFormer(FaceFormerConfig(num_features=width, speech=speech), spec)
    names = export(blank)["checkpoint"]
    weights = rule_weights({name: tuple(w.shape) for name, w in names.items()})
    return load(weights, spec), load_golden(f"faceformer_{request.param}")[0]


def mean_square(method, memory, style, template, truth, teacher_forced):
    network = method.network
    truth = truth[:, : memory.shape[1] // network.tokens_per_frame]
    if teacher_forced:
        hidden = network.teacher_forced(memory, style, truth - template)
    else:
        hidden = network(memory, style)
    return (network.vertice_map_r(hidden) + template - truth).square().mean()


@torch.no_grad()
def test_published_numbers_at_full_width(full_width, seeded):
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
    fps, width, num_vertices, num_styles, total, trained, make_spec
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
def explicit(request, load_golden):
    """A tiny published state dict as it is spelled in files, and everything it gave."""
    arrays, weights, meta = load_golden(f"explicit_faceformer_{request.param}")
    return weights, arrays, meta


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
    exported = export(load_explicit(weights, meta))["checkpoint"]
    assert exported.keys() == weights.keys()
    assert all(torch.equal(exported[name], weights[name]) for name in weights)


def test_a_motion_scale_is_folded_into_the_exported_maps(explicit):
    weights, golden, meta = explicit
    method = load_explicit(weights, meta)
    method.motion_scale.fill_(0.01)
    again = load_explicit(export(method)["checkpoint"], meta)
    no_noise = make_noise(0, "clip", "style")
    asked = (golden["audio"][0], golden["template"].view(-1, 3), 1, 20, 1, no_noise)
    torch.testing.assert_close(again.predict(*asked), method.predict(*asked), rtol=0, atol=1e-6)
    assert float(again.motion_scale) == 1


def test_other_spellings_of_a_checkpoint_load_too(explicit):
    weights, _, meta = explicit
    period = meta["period"]
    parametrized = {"weight_g": "original0", "weight_v": "original1"}
    expected = load_explicit(weights, meta)
    rows = expected.network.PPE.rows((600 // period + 1) * period)
    respelled = {"module.PPE.pe": rows[None]}
    for name, value in weights.items():
        stem, _, last = name.rpartition(".")
        if last in parametrized:
            name = f"{stem}.parametrizations.weight.{parametrized[last]}"
        respelled[f"module.{name}"] = value
    # the frame rate comes from PPE.pe
    method = load({"epoch": 3, "state_dict": respelled}, speech_num_heads=2)
    assert method.network.fps == method.network.period == period
    found, expected = method.state_dict(), expected.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())
    respelled["module.PPE.pe"] = rows[None] + 1
    with pytest.raises(Mismatch, match="1 not the table of its formula: PPE.pe"):
        load(respelled, speech_num_heads=2)


def test_a_checkpoint_may_lack_what_only_training_uses(explicit):
    weights, _, meta = explicit
    load_explicit({n: w for n, w in weights.items() if "masked_spec_embed" not in n}, meta)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda w: w.pop("obj_vector.weight"),
            "cannot tell its sizes without obj_vector.weight .4 of 5 keys that tell a FaceFormer's",
        ),
        (
            lambda w: [w.pop(n) for n in list(w)] and w.update(x=torch.ones(1)),
            r"this is no FaceFormer checkpoint \(no ",
        ),
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


def test_every_key_that_does_not_fit_is_told(explicit):
    weights, _, meta = explicit
    wrong = {n: w for n, w in weights.items() if not n.startswith("vertice_map_r")}
    with pytest.raises(Mismatch) as caught:
        load_explicit(wrong | {f"extra{k}": torch.ones(1) for k in range(9)}, meta)
    assert caught.value.problems == {
        "missing": ["vertice_map_r.bias", "vertice_map_r.weight"],
        "unexpected": [f"extra{k}" for k in range(9)],
    }


@pytest.mark.parametrize("document", [{}, {"state_dict": {}}, {"weight": 3}])
def test_what_is_no_state_dict_is_refused(document):
    with pytest.raises(ValueError, match="Expected a state dict of tensors"):
        load(document)


def test_a_checkpoint_without_its_frame_rate_asks_for_it(explicit):
    with pytest.raises(ValueError, match="pass spec or fps"):
        load(explicit[0])


def test_with_a_spec_a_lost_size_key_is_one_of_all_that_are_told(explicit, make_spec):
    weights, _, meta = explicit
    lost = ["obj_vector.weight", "vertice_map.weight", "vertice_map_r.bias"]
    some = {name: weight for name, weight in weights.items() if name not in lost}
    spec = make_spec(float(meta["period"]), meta["vertices"], meta["subjects"])
    with pytest.raises(Mismatch) as caught:
        load_explicit(some, meta, spec=spec)
    assert caught.value.problems == {"missing": lost}


def test_a_size_key_of_other_axes_is_told(explicit):
    weights, _, meta = explicit
    key = "transformer_decoder.layers.0.linear1.weight"
    with pytest.raises(Mismatch, match=rf"{key} \(3,\) instead of 2 axes"):
        load_explicit(weights | {key: torch.ones(3)}, meta)


def test_plain_values_beside_the_weights_are_left_out(explicit):
    weights, _, meta = explicit
    load_explicit(weights | {"step": 5}, meta)
