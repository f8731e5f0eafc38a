"""What a person or a file can get wrong: one line that says it, and nothing half written."""

import shutil

import pytest

from bench.cli.options import registry

TALKER = ("--method", "toy_talker:ToyTalker", "--device", "cpu", "--workers", "0")


def refused(outcome, message, project):
    """The command ended with one line on stderr, before anything was made."""
    assert outcome.code == 1, outcome.out + outcome.err
    assert outcome.err.startswith("error: ") and outcome.err.count("\n") == 1, outcome.err
    assert message in outcome.err
    left = [p for p in project.runs.rglob("*") if p.is_file()] if project.runs.exists() else []
    assert not left and not (project.root / "results").exists()


COMMANDS = {
    "a method with a slip": (["--method", "gldii"], "Unknown method 'gldii'. Did you mean 'gldi'?"),
    "a method that is nowhere": (["--method", "zzz"], "Unknown method 'zzz'. Known: "),
    "a module that is nowhere": (
        ["--method", "no.such:Thing"],
        "no.such:Thing: there is no module 'no.such'; is it installed?",
    ),
    "a module without the class": (
        ["--method", "toy_talker:Talker"],
        "toy_talker:Talker: module 'toy_talker' has no class 'Talker'",
    ),
    "a class that is no method": (
        ["--method", "bench.data:Clip"],
        "bench.data:Clip is not a Method (bench/method.py)",
    ),
    "no class at all": (
        ["--method", "toy_talker:"],
        "--method toy_talker:: expected a known name or package.module:Class",
    ),
    "a dataset that is not prepared": (
        [*TALKER, "--dataset", "biwi"],
        "Dataset 'biwi' is not prepared in ",
    ),
    "a profile with a slip": (
        [*TALKER, "--profile", "mimi"],
        "Unknown profile 'mimi'. Did you mean 'mini'? Known: mini, seeds",
    ),
    "an executor with a slip": (
        [*TALKER, "--executor", "locl"],
        "Unknown executor 'locl'. Did you mean 'local'?",
    ),
    "a device that is none": (
        [*TALKER, "--device", "tpu"],
        "--device: expected auto, cpu or cuda, got 'tpu'",
    ),
    "a variant of nothing": ([*TALKER, "--variant", "k5"], "--variant needs --ablation"),
    "an ablation that is none": (
        [*TALKER, "--ablation", "kernel"],
        "Unknown ablation of talker 'kernel'. Known: none",
    ),
    "an override without a value": (
        [*TALKER, "--set", "train.lr"],
        "--set train.lr: expected section.key=value, e.g. train.lr=1e-4",
    ),
    "an override without a key": ([*TALKER, "--set", "train=3"], "expected section.key=value"),
    "an override of an unknown section": (
        [*TALKER, "--set", "trian.lr=1"],
        "Unknown section in --set 'trian'. Did you mean 'train'?",
    ),
    "an override of an unknown training key": (
        [*TALKER, "--set", "train.coarse.lrr=1"],
        "Unknown key 'lrr'. Did you mean 'lr'?",
    ),
    "an override of an unknown model key": (
        [*TALKER, "--set", "model.coarse.widht=1"],
        "Unknown key 'widht'. Did you mean 'width'?",
    ),
    "an override inside a value": (
        [*TALKER, "--set", "train.coarse.lr.start=1"],
        "--set train.coarse.lr.start=1: lr is a value, not a section",
    ),
    "an override that is no YAML": ([*TALKER, "--set", "train.lr=[1"], "'[1' is not a value"),
    "an override of another type": (
        [*TALKER, "--set", "train.lr=fast"],
        "Input should be a valid number, unable to parse string as a number, got 'fast'",
    ),
    "no samples": (
        [*TALKER, "--set", "predict.num_samples=0"],
        "predict.num_samples: Input should be greater than or equal to 1, got 0",
    ),
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_wrong_option_is_one_line(kind, command, project):
    arguments, message = COMMANDS[kind]
    refused(command(*arguments), message, project)


def test_a_gpu_that_is_not_there_is_one_line(command, project, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    outcome = command(*TALKER, "--device", "cuda")
    refused(outcome, "--device cuda: torch sees no GPU here; use --device cpu", project)


@pytest.mark.parametrize(
    "option", [("--seed", "one"), ("--workers", "-1"), ("--workers", "many"), ("--sed", "1")]
)
def test_an_option_that_cannot_be_read_is_a_usage_error(option, command, project):
    outcome = command(*TALKER, *option)
    assert outcome.code == 2
    assert option[0] in outcome.err and "--help" in outcome.err
    assert not project.runs.exists()


PRESETS = {
    "no mapping": ("[1, 2]", "expected a mapping, got list"),
    "no YAML": ("train: {coarse", "is not valid YAML: "),
    "no text": ("\xff\xfe", "is not valid YAML: "),
    "an empty file": ("", "train has stages [], the method has ['coarse', 'fine']"),
    "no stages": ("train:\n", "train has stages [], the method has ['coarse', 'fine']"),
    "stages that are a list": ("train: [1]\n", "train: expected a mapping of stages, got list"),
    "a missing stage": (
        "train: {coarse: {steps: 1}}",
        "train has stages ['coarse'], the method has ['coarse', 'fine']",
    ),
    "a stage too many": (
        "train: {coarse: {steps: 1}, fine: {steps: 1}, last: {steps: 1}}",
        "train has stages ['coarse', 'fine', 'last'], the method has ['coarse', 'fine']",
    ),
    "a stage that is a number": (
        "train: {coarse: 3, fine: {steps: 1}}",
        "train.coarse: Input should be a valid dictionary or instance of StageConfig, got 3",
    ),
    "an unknown key": (
        "train: {coarse: {steps: 1, batchsize: 2}, fine: {steps: 1}}",
        "train.coarse.batchsize: Unknown key 'batchsize'. Did you mean 'batch_size'?",
    ),
    "an unknown section": (
        "train: {coarse: {steps: 1}, fine: {steps: 1}}\nmodle: {}",
        "modle: Unknown key 'modle'. Did you mean 'model'?",
    ),
    "an unknown model key": (
        "train: {coarse: {steps: 1}, fine: {steps: 1}}\nmodel: {fine: {size: 2}}",
        "fine.size: Unknown key 'size'. Known: strength",
    ),
    "a wrong type": (
        "train: {coarse: {steps: many}, fine: {steps: 1}}",
        "train.coarse.steps: Input should be a valid integer, unable to parse string as an "
        "integer, got 'many'",
    ),
    "steps and epochs": (
        "train: {coarse: {steps: 1, epochs: 1}, fine: {steps: 1}}",
        "train.coarse: Value error, expected exactly one of steps and epochs",
    ),
    "no length": (
        "train: {coarse: {}, fine: {steps: 1}}",
        "train.coarse: Value error, expected exactly one of steps and epochs",
    ),
    "a schedule without its size": (
        "train: {coarse: {steps: 1, schedule: step}, fine: {steps: 1}}",
        "train.coarse: Value error, schedule step needs step_size",
    ),
    "a window without frames": (
        "train: {coarse: {steps: 1, window: 0}, fine: {steps: 1}}",
        "train.coarse: Value error, window must be at least one frame, got 0",
    ),
    "a rate below zero": (
        "train: {coarse: {steps: 1, lr: -1}, fine: {steps: 1}}",
        "train.coarse.lr: Input should be greater than 0, got -1",
    ),
}


@pytest.mark.parametrize("kind", PRESETS)
def test_a_wrong_preset_is_one_line_with_its_file_and_key(kind, command, project):
    text, message = PRESETS[kind]
    file = project.toys / "talker" / "toy-wrong.yaml"
    file.write_bytes(text.encode("latin-1"))
    params = project.root / "params.yaml"
    params.write_text(
        params.read_text() + "  wrong: {preset: wrong, datasets: [toy], seeds: [0]}\n"
    )
    try:
        outcome = command(*TALKER, "--profile", "wrong")
    finally:
        file.unlink()
    refused(outcome, "toy-wrong.yaml", project)
    assert message in outcome.err


def test_a_preset_that_is_not_there_lists_those_that_are(command, own_data):
    folder = own_data.data / "toy"
    shutil.copytree(folder, own_data.data / "tiy")
    own_data.edit_manifest(lambda m: m.update(name="tiy"), dataset="tiy")
    outcome = command(*TALKER, "--dataset", "tiy")
    message = (
        "Unknown preset of talker 'tiy-mini'. Did you mean 'toy-mini'? Known: shapes-mini, toy"
    )
    refused(outcome, message, own_data)


PARAMS = {
    "missing": (None, "params.yaml does not exist here; run from the repository's root"),
    "no YAML": ("profile: [", "params.yaml is not valid YAML"),
    "a missing key": ("profile: mini", "params.yaml: datasets: Field required"),
    "an unknown key": (
        "{profile: a, datasets: [], methods: [], profiles: {}, seeds: []}",
        "params.yaml: seeds: Extra inputs are not permitted",
    ),
    "a default profile that is none": (
        "{profile: a, datasets: [], methods: [], profiles: {}}",
        "Unknown profile 'a'. Known: none",
    ),
    "a seed that is no number": (
        "{profile: a, datasets: [], methods: [], "
        "profiles: {a: {preset: mini, datasets: [toy], seeds: [x]}}}",
        "params.yaml: profiles.a.seeds.0: Input should be a valid integer",
    ),
    "no seeds": (
        "{profile: a, datasets: [], methods: [], "
        "profiles: {a: {preset: mini, datasets: [toy], seeds: []}}}",
        "params.yaml: profiles.a.seeds: Tuple should have at least 1 item",
    ),
}


@pytest.mark.parametrize("kind", PARAMS)
def test_a_wrong_params_file_is_one_line(kind, command, project):
    text, message = PARAMS[kind]
    path = project.root / "params.yaml"
    path.unlink()
    if text is not None:
        path.write_text(text)
    refused(command(*TALKER), message, project)


def test_the_registry_of_the_repository_is_what_a_slip_is_compared_with():
    assert {"template", "mean", "ridge", "faceformer", "gldi"} <= registry().methods.keys()
