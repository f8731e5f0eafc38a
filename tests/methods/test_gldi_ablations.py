"""GLDiTalker's ablation files against its presets: what they resolve to, and what they share."""

from pathlib import Path

import pytest

from bench.config import load_preset
from bench.dataset.reader import load_dataset
from bench.pipeline.step import RunSpec, plan_run
from bench.registry.rows import Registry
from methods import METHODS
from methods.gldi import GLDiConfig, GLDiTalker

GLDI = Registry(METHODS).method("gldi")
FOLDER, FILES = GLDI.folder, GLDI.ablations
PRESETS = ("synthetic-mini", "biwi-paper", "vocaset-paper")
TABLE4 = {  # variant: kernel size, dilation, channels of the blocks in the mini preset
    "k5-d1-l4": (5, 1, (16, 16, 16, 32)),
    "k9-d1-l2": (9, 1, (16, 32)),
    "k9-d1-l4": (9, 1, (16, 16, 16, 32)),
    "k9-d2-l3": (9, 2, (16, 16, 32)),
    "k9-d2-l4": (9, 2, (16, 16, 16, 32)),
}
# distinct trainings of stage 1, of stage 2, and distinct predictions that a file asks for
TRAININGS = {
    "kernel": (5, 5, 5),
    "quantized-space": (3, 3, 3),  # besides another method's row
    "codebook-size": (4, 4, 4),
    "codebook-health": (6, 6, 6),
    "positions": (4, 5, 5),
    "scaling": (2, 4, 4),
    "diffusion-steps": (1, 6, 6),
    "no-diffusion": (1, 2, 2),
    "requantize": (1, 1, 2),
    "sampler": (1, 1, 5),
}


def resolve(preset, overrides):
    return load_preset(FOLDER / f"{preset}.yaml", GLDiConfig, GLDiTalker.stages, overrides)


def keys_of(overrides, dataset):
    """Step name -> key, of the mini preset with these overrides."""
    run = RunSpec(
        method="gldi",
        reference=METHODS["gldi"],
        dataset="toy",
        data_root=Path("data"),
        seed=0,
        preset=resolve("synthetic-mini", overrides),
        stages=GLDiTalker.stages,
        device="cpu",
    )
    return {step.name: step.key for step in plan_run(run, dataset)}


@pytest.fixture(scope="module")
def toy(prepared):
    return load_dataset("toy", prepared)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", FILES)
def test_every_variant_resolves_with_every_preset(name, preset):
    ablation = FILES[name]
    assert ablation.description and ablation.reference
    for variant in ablation.variants.values():
        assert variant.label
        if not variant.row:
            resolve(preset, variant.set)


def test_a_variants_name_means_one_thing_in_all_files():
    assert set(FILES) == set(TRAININGS)
    assert len(GLDI.variants) == sum(len(f.variants) for f in FILES.values())


@pytest.mark.parametrize("variant", TABLE4)
def test_table_4_varies_kernel_dilation_and_layers(variant):
    preset = resolve("synthetic-mini", FILES["kernel"].variants[variant].set)
    config = preset.model.autoencoder
    assert (config.kernel_size, config.dilation, config.block_channels) == TABLE4[variant]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    ("file", "variant"), [("kernel", "k9-d2-l4"), ("quantized-space", "spiral-encoder")]
)
def test_the_last_rows_of_tables_3_and_4_are_the_gldi_of_table_1(file, variant, preset):
    assert resolve(preset, FILES[file].variants[variant].set) == resolve(preset, ())
    assert FILES[file].reference == variant


def test_table_3_has_both_readings_of_its_first_row():
    rows = FILES["quantized-space"].variants
    without = [name for name, row in rows.items() if row.paper == "without_graph_stage"]
    assert without == ["facediffuser", "vertex-diffusion"]
    assert rows["facediffuser"].row == "facediffuser" and rows["facediffuser"].remark
    assert resolve("synthetic-mini", rows["vertex-diffusion"].set).model.autoencoder.space == (
        "vertices"
    )


@pytest.mark.parametrize("name", FILES)
def test_variants_share_every_training_that_they_do_not_change(name, toy):
    keys = [keys_of(v.set, toy) for v in FILES[name].variants.values() if not v.row]
    steps = ("train/autoencoder", "train/diffusion", "predict")
    assert tuple(len({each[step] for each in keys}) for step in steps) == TRAININGS[name]
    preset = keys_of((), toy)
    for step, distinct in zip(steps, TRAININGS[name], strict=True):
        if distinct == 1:  # and it is the preset's own
            assert keys[0][step] == preset[step]
