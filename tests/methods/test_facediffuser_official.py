"""FaceDiffuser against the published implementation's numbers, and published checkpoints.

Where the numbers come from: tests/golden/README.md.
"""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from methods.facediffuser import FaceDiffuser, FaceDiffuserConfig
from methods.facediffuser.config import SamplingConfig
from methods.facediffuser.official import export, load
from methods.facediffuser.sampler import Condition
from methods.layers.diffusion import DiffusionSchedule, cosine_betas
from methods.layers.published import Mismatch
from methods.layers.speech import SpeechConfig

FORMS = {
    "plain": SamplingConfig(form="plain"),
    "plain without hearing again": SamplingConfig(form="plain", encode_every_step=False),
    "fast": SamplingConfig(form="fast", noise="vertices"),
}
MOTION = {"target": "motion", "motion_scale": "train_std"}


def hubert(**sizes):
    return SpeechConfig(kind="hubert", random_weights=True, frozen="paper", **sizes)


def close(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


def draw_sample(method, config, audio, num_frames, style, base, draw):
    condition = Condition(lambda: method.network.hear(audio, num_frames), style, base)
    (face,) = method._sampler.sample(config, condition, [draw])
    return face


@pytest.fixture(scope="module", params=["BIWI", "vocaset"])
def full_width(request, make_spec, rule_weights, load_golden):
    """A latent of 32 behind two full-width speech layers, 20 vertices, and its numbers."""
    fps, styles = {"BIWI": (25.0, 6), "vocaset": (30.0, 8)}[request.param]
    spec = make_spec(fps, 20, styles)
    config = FaceDiffuserConfig(latent=32, num_steps=50, speech=hubert(num_layers=2))
    (blank,) = export(FaceDiffuser(config, spec)).values()
    weights = rule_weights({name: tuple(weight.shape) for name, weight in blank.items()})
    return load(weights, spec), load_golden(f"facediffuser_{request.param}")[0]


@torch.no_grad()
def test_published_estimates_and_loss_at_full_width(full_width, seeded):
    method, golden = full_width
    network, style = method.network, torch.tensor([2])
    audio, base = seeded(7, 1, 16_000), seeded(11, 1, 60)
    for step in (3, 49):
        wanted = golden[f"out_t{step}"]
        noisy = seeded(21, 1, len(wanted), 60)
        heard = network.hear(audio, len(wanted))
        close(network(noisy, heard, torch.tensor([step]), style, base)[0], wanted)
    truth, step = seeded(12, 1, 30, 60), torch.tensor([10])
    noisy = method.schedule.diffuse(truth, step, seeded(22, 1, 30, 60))
    heard = network.hear(audio, 30)
    frames = heard.shape[1]  # 24 at 25 fps: the audio supports no more
    estimate = network(noisy[:, :frames], heard, step, style, base)
    close(F.huber_loss(estimate, truth[:, :frames]).double(), golden["train_loss_t10"])


@torch.no_grad()
@pytest.mark.parametrize("form", FORMS)
def test_published_samples_of_fifty_steps_at_full_width(full_width, seeded, form):
    method, golden = full_width
    stream = np.random.RandomState(123)

    def draw(shape):
        return torch.from_numpy(stream.standard_normal(shape).astype(np.float32))

    face = draw_sample(
        method,
        FORMS[form],
        seeded(7, 1, 16_000),
        len(golden["sample"]),
        torch.tensor([2]),
        seeded(11, 1, 60),
        draw,
    )
    close(face, golden["sample"])


def test_published_schedules(full_width):
    for num_steps in (500, 1000):
        wanted = full_width[1][f"betas{num_steps}"]
        torch.testing.assert_close(cosine_betas(num_steps), wanted, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("fps", "latent", "num_steps", "num_vertices", "num_styles", "total", "trained"),
    [
        (25.0, 512, 500, 23_370, 6, 207_906_152, 189_134_952),
        (30.0, 256, 1000, 5_023, 8, 107_796_327, 89_025_127),
    ],
    ids=["BIWI", "VOCASET"],
)
def test_parameter_counts_of_the_published_sizes(
    monkeypatch, make_spec, fps, latent, num_steps, num_vertices, num_styles, total, trained
):
    config = FaceDiffuserConfig(latent=latent, num_steps=num_steps, speech=hubert())
    # the schedule reads its own numbers, and there are none on the meta device
    schedule = DiffusionSchedule(cosine_betas(num_steps))
    monkeypatch.setattr("methods.facediffuser.DiffusionSchedule", lambda _: schedule)
    with torch.device("meta"):  # shapes without memory
        method = FaceDiffuser(config, make_spec(fps, num_vertices, num_styles))
    assert sum(p.numel() for p in method.parameters()) == total
    assert sum(p.numel() for g in method.trainable("main") for p in g["params"]) == trained


@pytest.fixture(scope="module", params=["biwi", "vocaset"])
def explicit(request, load_golden):
    """A tiny published state dict as it is spelled in files, and everything it gave."""
    return load_golden(f"explicit_facediffuser_{request.param}")


def load_explicit(explicit, weights=None, **overrides):
    _, own, meta = explicit
    heads = meta["speech"]["num_attention_heads"]
    known = {"fps": meta["output_fps"], "speech_num_heads": heads}
    return load(weights or own, **(known | overrides))


@torch.no_grad()
def test_published_training_step_from_a_published_state_dict(explicit):
    golden, _, _ = explicit
    method = load_explicit(explicit)
    step, style = golden["timestep"][None], golden["one_hot"].argmax(1)
    noisy = method.schedule.diffuse(golden["x0"], step, golden["eps"])
    close(noisy, golden["x_t"])
    heard = method.network.hear(golden["audio"], noisy.shape[1])
    estimate = method.network(noisy, heard, step, style, golden["template"])
    close(estimate, golden["denoised"])
    close(F.huber_loss(estimate, golden["x0"]).double(), golden["training_loss"])


@torch.no_grad()
@pytest.mark.parametrize("form", FORMS)
def test_published_samples_from_a_published_state_dict(explicit, form):
    golden, _, _ = explicit
    noise = iter(golden["noise"][:, 0])
    face = draw_sample(
        load_explicit(explicit),
        FORMS[form],
        golden["audio"],
        golden["x0"].shape[1],
        golden["one_hot"].argmax(1),
        golden["template"],
        lambda shape: next(noise),
    )
    close(face, golden["prediction"][0])


def test_sizes_are_read_from_shapes(explicit):
    _, weights, meta = explicit
    method = load_explicit(explicit)
    config, network = method.config, method.network
    assert (config.latent, config.num_steps, config.gru_layers) == (16, 12, meta["gru_layers"])
    assert network.fps == meta["output_fps"]
    assert network.obj_vector.in_features == meta["subjects"]
    assert network.final_layer.out_features == 3 * meta["vertices"]
    assert config.speech.kind == "hubert" and config.speech.frozen == "paper"
    one_layer = {name: weight for name, weight in weights.items() if not name.endswith("_l1")}
    assert load_explicit(explicit, one_layer).config.gru_layers == 1


def test_names_and_bits_are_the_published_ones_both_ways(explicit):
    _, weights, _ = explicit
    exported = export(load_explicit(explicit))["checkpoint"]
    assert exported.keys() == weights.keys()
    assert all(torch.equal(exported[name], weights[name]) for name in weights)


@pytest.mark.parametrize("overrides", [MOTION, MOTION | {"target": "vertices"}])
def test_what_is_diffused_survives_a_round_trip(explicit, overrides):
    method = load_explicit(explicit, **overrides)
    method.motion_scale.fill_(0.01)
    again = load_explicit(explicit, export(method)["checkpoint"])
    assert again.config == method.config
    states = again.state_dict()
    assert all(torch.equal(value, states[name]) for name, value in method.state_dict().items())


def test_other_spellings_of_a_checkpoint_load_too(explicit):
    _, weights, _ = explicit
    newer = {"weight_g": "original0", "weight_v": "original1"}
    respelled = {}
    for name, value in weights.items():
        stem, _, last = name.rpartition(".")
        if last in newer:
            name = f"{stem}.parametrizations.weight.{newer[last]}"
        respelled[f"module.{name}"] = value
    found = load_explicit(explicit, {"epoch": 50, "state_dict": respelled}).state_dict()
    wanted = load_explicit(explicit).state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in found.items())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda w: w.pop("obj_vector.weight"),
            "cannot tell its sizes without obj_vector.weight .4 of 5 keys that tell a FaceD",
        ),
        (
            lambda w: [w.pop(n) for n in list(w)] and w.update(x=torch.ones(1)),
            r"this is no FaceDiffuser checkpoint \(no ",
        ),
        (lambda w: w.pop("final_layer.bias"), "1 missing: final_layer.bias"),
        (lambda w: w.update(extra=torch.ones(1)), "1 unexpected: extra"),
        (
            lambda w: w.update({"final_layer.bias": torch.ones(2)}),
            r"1 of another shape: final_layer.bias \(2,\)",
        ),
    ],
)
def test_a_checkpoint_that_does_not_fit_says_where(explicit, damage, message):
    weights = dict(explicit[1])
    damage(weights)
    with pytest.raises(ValueError, match=message):
        load_explicit(explicit, weights)


def test_every_key_that_does_not_fit_is_named(explicit):
    weights = {f"other.{name}" if "gru" in name else name: w for name, w in explicit[1].items()}
    with pytest.raises(Mismatch) as caught:
        load_explicit(explicit, weights, gru_layers=2)
    assert [len(keys) for keys in caught.value.problems.values()] == [8, 8]


def test_a_checkpoint_without_its_frame_rate_asks_for_it(explicit):
    with pytest.raises(ValueError, match="pass spec or fps"):
        load(explicit[1])
