"""What `bench import --set` takes: settings that each loader reads and that its model tells."""

from importlib import import_module

import pytest

from bench.registry.methods import MethodEntry
from bench.registry.rows import Registry
from bench.weights.official import find_official

OTHER = {  # a value of each setting that neither the tiny files nor the loader's defaults have
    "faceformer": {
        "num_heads": 2,
        "period": 20,
        "unroll": "reference",
        "speech_kind": "hubert",
        "speech_num_heads": 2,
    },
    "facediffuser": {"speech_kind": "wav2vec2", "speech_num_heads": 2},
    "codetalker": {
        "num_heads": 2,
        "period": 20,
        "autoencoder_num_heads": 4,
        "autoencoder_temporal_norm": "none",
        "autoencoder_positions": "frames",
        "autoencoder_attention_scale": "head",
        "speech_kind": "hubert",
        "speech_num_heads": 2,
    },
}
CLASSES = {"faceformer": "FaceFormer", "facediffuser": "FaceDiffuser", "codetalker": "CodeTalker"}


def official_of(method):
    return find_official(MethodEntry(method, f"methods.{method}:{CLASSES[method]}"), Registry({}))


@pytest.mark.parametrize("method", OTHER)
def test_every_setting_is_read_and_told_by_the_model(method, load_golden):
    module, official = import_module(f"methods.{method}.official"), official_of(method)
    _, weights, _ = load_golden(f"explicit_{method}_biwi")
    assert official.settings.keys() == OTHER[method].keys()
    plain = module.load(weights, fps=25)
    loaded = module.load(weights, fps=25, **OTHER[method])
    for name, value in official.settings.items():
        official.check_setting(name)
        assert value(loaded) == OTHER[method][name] != value(plain)


@pytest.mark.parametrize("method", OTHER)
def test_sizes_scales_and_training_cannot_be_set(method):
    for name in ("motion_scale", "dropout" if method != "facediffuser" else "gru_dropout"):
        with pytest.raises(ValueError, match=f"--set {name}: it is read from the file, or is no"):
            official_of(method).check_setting(name)
    with pytest.raises(ValueError, match="'speech_num_head'. Did you mean 'speech_num_heads'"):
        official_of(method).check_setting("speech_num_head")
