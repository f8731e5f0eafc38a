"""Keys: what makes a step new, and which steps it leaves alone."""

import dataclasses

import pytest

from bench.dataset.reader import load_dataset
from bench.pipeline import provenance
from bench.pipeline import step as module
from bench.pipeline.step import difference, key_of, model_config_of, nearest_change, plan_run

NAMES = ["train/coarse", "train/fine", "predict", "evaluate"]
ALL = set(NAMES)


def keys(steps):
    return {step.name: step.key for step in steps}


def changed(before, after):
    """Names of the steps whose keys differ."""
    old, new = keys(before), keys(after)
    assert old.keys() == new.keys()
    return {name for name in old if old[name] != new[name]}


def test_a_run_is_a_chain_of_train_predict_and_evaluate_steps(plan):
    steps = plan()
    assert [step.name for step in steps] == NAMES
    assert [step.parent for step in steps] == [None, *steps[:-1]]
    assert [step.stage for step in steps] == ["coarse", "fine", None, None]
    assert steps[-1].ancestors() == steps[2::-1]
    for step in steps:
        assert step.key == key_of(step.inputs) and len(step.key) == 32


def test_the_same_inputs_give_the_same_keys(plan):
    assert keys(plan()) == keys(plan())


OVERRIDES = {
    "train.coarse.lr=0.5": ALL,
    "train.fine.lr=0.5": ALL - {"train/coarse"},
    "train.lr=0.5": ALL,
    "train.coarse.steps=13": ALL,
    "train.coarse.batch_size=3": ALL,
    "train.coarse.validate_every=1": ALL,  # the curves are part of the result
    "train.coarse.log_every=1": ALL,
    "train.coarse.threads=2": ALL,
    "train.fine.threads=2": ALL - {"train/coarse"},
    "train.checkpoint_every=1": set(),
    "model.dropout=0.2": ALL,
    "model.coarse.width=7": ALL,
    "model.fine.strength=0.1": ALL - {"train/coarse"},
    "model.sampling.size=0.2": {"predict", "evaluate"},
    "predict.num_samples=4": {"predict", "evaluate"},
    "model.coarse.width=6": set(),  # the default, said aloud
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_an_override_makes_new(override, plan):
    assert changed(plan(), plan(override)) == OVERRIDES[override]


@pytest.mark.parametrize("change", [{"seed": 1}, {"dataset": "shapes"}])
def test_another_seed_or_dataset_makes_everything_new(change, plan):
    assert changed(plan(), plan(**change)) == ALL


def test_another_device_makes_everything_new(plan, toy):
    run = plan()[0].run
    assert changed(plan(), plan_run(dataclasses.replace(run, device="cuda"), toy)) == ALL


def test_where_the_data_lies_and_what_a_variant_is_called_change_nothing(plan, toy, tmp_path):
    run = plan()[0].run
    other = dataclasses.replace(run, data_root=tmp_path, variant="the same", method="alias")
    assert changed(plan(), plan_run(other, toy)) == set()


def first_of(split):
    def change(manifest):
        entry = next(e for e in manifest["clips"] if e["split"] == split)
        entry["motion_sha256"] = "0" * 64

    return change


MANIFEST = {
    "a training clip": (first_of("train"), ALL),
    "a validation clip": (first_of("val"), ALL),
    "a test clip": (first_of("test_a"), {"predict", "evaluate"}),
    "a clip of an unseen subject": (first_of("test_b"), {"predict", "evaluate"}),
    "a mask": (lambda m: m["masks"]["mouth"].update(sha256="0" * 64), ALL),
    "the mouth": (lambda m: m.update(mouth_opening_pair=[0, 7]), ALL),
    "the order of styles": (lambda m: m.update(styles=["M1", "F1"]), ALL),
    "words": (lambda m: m.update(description="", generator={}), set()),
}


@pytest.mark.parametrize("what", MANIFEST)
def test_a_change_of_the_manifest_makes_new(what, plan, own_data):
    change, expected = MANIFEST[what]
    before = plan()
    own_data.edit_manifest(change)
    assert changed(before, plan()) == expected


CODE = {
    "bench.metrics.lip": {"predict", "evaluate"},
    "bench.evaluation.evaluate": {"evaluate"},
    "bench.results": {"evaluate"},
    "bench.evaluation.predict": {"predict", "evaluate"},
    "bench.training.loop": ALL,
    "bench.data": ALL,
    "toy_talker": ALL,
    "bench.pipeline.pool": set(),
    "bench.pipeline.work": set(),
    "toy_still": set(),
}


@pytest.mark.parametrize("edited", CODE)
def test_an_edited_module_makes_new(edited, plan, monkeypatch):
    before, real = plan(), module.fingerprint
    monkeypatch.setattr(
        module,
        "fingerprint",
        lambda roots: {m: "new" if m == edited else h for m, h in real(roots).items()},
    )
    assert changed(before, plan()) == CODE[edited]


def renamed(step, old, new):
    """The inputs of a step as they are once a module has another name."""
    code = {new if name == old else name: value for name, value in step.inputs["code"].items()}
    method = step.inputs["method"].replace(f"{old}:", f"{new}:")
    return step.inputs | {"code": code, "method": method}


@pytest.mark.parametrize("old", ["bench.training.loop", "bench.data", "toy_talker"])
def test_a_key_does_not_hang_on_where_a_module_lies(old, plan):
    step = plan()[0]
    assert old in step.inputs["code"]
    moved = renamed(step, old, "elsewhere.entirely")
    assert moved != step.inputs and key_of(moved) == step.key
    assert [line for line in difference(moved, step.inputs) if line.startswith("code")] == []


def test_a_key_hangs_on_the_methods_class_and_on_which_module_has_it(plan):
    step = plan()[0]
    reference = step.inputs["method"]
    other = {"method": reference.replace("ToyTalker", "Other")}
    assert key_of(step.inputs | other) != step.key
    other = {"method": reference.replace("toy_talker", "bench.training.loop")}
    assert key_of(step.inputs | other) != step.key


def test_what_makes_a_step_new_is_named_by_its_module(plan):
    old = plan()[0]
    code = old.inputs["code"] | {"bench.training.loop": "0" * 32 + "-" + "1" * 32}
    before = old.inputs["code"]["bench.training.loop"]
    lines = difference(old.inputs | {"code": code}, old.inputs)
    shown = f"{before[:12]}-{before[33:45]}"
    assert lines == [f"code.bench.training.loop: {shown} -> {'0' * 12}-{'1' * 12}"]
    record = {"method": "talker", "dataset": "toy", "step": old.name, "status": "done"}
    moved = record | {"inputs": renamed(old, "bench.data", "bench.porch.data")}
    assert nearest_change(record | {"inputs": old.inputs}, [moved]) == [
        "nothing like it was run before"
    ]


def test_predictions_are_scored_as_they_are_drawn_so_the_key_of_predict_covers_the_metrics(
    plan, monkeypatch
):
    before, real = plan(), module.fingerprint
    monkeypatch.setattr(
        module,
        "fingerprint",
        lambda roots: {
            m: "new" if m == "bench.metrics.diversity" else h for m, h in real(roots).items()
        },
    )
    assert changed(before, plan()) == {"predict", "evaluate"}


def test_the_oracle_depends_on_test_a_and_its_scores_alone(own_data, table):
    from bench.pipeline.planner import Choice, Session

    def key():
        return Session(Choice(), table).oracle("toy").plans[0][0].key

    before = key()
    own_data.edit_manifest(first_of("train"))
    own_data.edit_manifest(first_of("test_b"))
    assert key() == before
    own_data.edit_manifest(first_of("test_a"))
    assert key() != before


def test_a_stage_is_keyed_by_the_shared_config_and_its_own_section(plan):
    preset = plan()[0].run.preset
    shared = {"speech", "dropout", "fault", "fault_stage", "fault_call", "slow"}
    assert model_config_of(preset, ("coarse", "fine"), "coarse").keys() == shared | {"coarse"}
    assert model_config_of(preset, ("coarse", "fine"), "fine").keys() == shared | {"fine"}


def test_libraries_are_in_every_key_without_their_build(plan, monkeypatch):
    def with_torch(version):
        found = {"torch": version, "numpy": "2.4.6"}
        monkeypatch.setattr(provenance, "_version", lambda name: found.get(name, "1.0"))
        return plan()

    cpu, cuda, newer = map(with_torch, ("2.13.0+cpu", "2.13.0+cu126", "2.14.0+cpu"))
    assert changed(cpu, cuda) == set()
    assert changed(cpu, newer) == ALL
    for old, new in zip(cpu, newer, strict=True):
        assert "libraries.torch: 2.13.0 -> 2.14.0" in difference(new.inputs, old.inputs)


def test_the_command_that_does_a_step_again_plans_the_same_step(plan):
    step = plan("train.lr=0.5", seed=1)[2]
    assert step.again == (
        "bench predict --method talker --profile mini --set train.lr=0.5 "
        "--device cpu --dataset toy --seed 1 --force"
    )


def test_differences_are_named_by_their_place(plan):
    new, old = plan("train.coarse.lr=0.5", seed=1)[0], plan()[0]
    assert difference(new.inputs, old.inputs) == ["seed: 0 -> 1", "train.lr: 0.01 -> 0.5"]
    assert difference({"a": {"b": 1}}, {}) == ["a.b: (absent) -> 1"]


def test_a_dataset_that_is_loaded_again_gives_the_same_keys(plan, prepared):
    run = plan()[0].run
    assert keys(plan_run(run, load_dataset("toy", prepared))) == keys(plan())
