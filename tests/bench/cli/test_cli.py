"""The commands as a person types them; each answers, and help does not wait for torch."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.cli.options import RunOptions, complete_method, registry
from bench.pipeline.planner import Choice, Session

HEAVY = ("torch", "transformers", "pandas", "matplotlib", "scipy")


def run(*arguments):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["list"], ["list", "methods"]]
)
def test_help_and_list_import_nothing_heavy(arguments):
    """Half a second is what they may take; importing any of these alone takes longer."""
    code = (
        f"import sys; sys.argv = ['bench', *{arguments!r}]\n"
        "from bench.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print(*[m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr.split() == []


def test_plans_import_torch_and_nothing_else_that_is_heavy():
    """Where everything is cached, nothing is built: a run answers in two seconds, not in six."""
    code = (
        "import sys, bench.cli.run_methods, bench.collect.fill\n"
        "from bench.cli.options import registry\n"
        "assert all(method.cls for method in registry().methods.values())\n"
        f"print(*[m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["torch"]


def test_list_names_every_method_and_metric():
    text = run("list").output
    for name in ("template", "mean", "ridge", "faceformer", "gldi", "synthetic", "lve", "fdd"):
        assert f"  {name} " in text


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'metrics'"):
        run("list", "metrcs")


def test_doctor_says_something_about_everything():
    text = run("doctor").output
    for what in ("python", "versions", "torch", "CUDA", "torchaudio", "speech weights", "data"):
        assert f" {what} " in text
    assert " SLURM " in text and " DVC " in text


def test_show_of_an_unknown_run_says_where_the_keys_are():
    with pytest.raises(ValueError, match="bench list runs"):
        run("show", "no-such-run")


def test_a_user_error_is_one_line_and_exit_code_one():
    done = subprocess.run(
        [sys.executable, "-m", "bench.cli.app", "list", "metrcs"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: Unknown list 'metrcs'. Did you mean 'metrics'?")


def test_completion_knows_the_methods():
    names = complete_method("fa")
    assert names[:2] == ["faceformer", "faceformer-imported"] and "facediffuser" in names


def test_an_unknown_command_suggests_the_nearest():
    assert "Did you mean 'list'" in run("lst").output


def test_several_methods_and_seeds_run_in_one_command(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "bench.cli.run_methods.run_methods", lambda options, *_: seen.append(options) or 0
    )
    run("run", "-m", "mean", "-m", "ridge", "--seed", "0", "--seed", "2", "--set", "train.lr=1e-4")
    run("train", "-m", "mean")
    assert (seen[0].methods, seen[0].seeds) == (("mean", "ridge"), (0, 2))
    assert (seen[0].all_overrides, seen[0].until) == (("train.lr=1e-4",), "evaluate")
    assert (seen[1].methods, seen[1].until) == (("mean",), "train")


def test_sampler_and_steps_are_short_for_overrides_and_an_explicit_one_wins(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "bench.cli.run_methods.run_methods", lambda options, *_: seen.append(options) or 0
    )
    for name in ("run", "predict", "evaluate"):
        run(name, "-m", "gldi", "--sampler", "ddim", "--steps", "50", "--set", "model.sampling.x=1")
    expected = ("model.sampling.sampler=ddim", "model.sampling.steps=50", "model.sampling.x=1")
    assert [options.all_overrides for options in seen] == [expected] * 3
    run("run", "-m", "gldi", "--steps", "3")
    assert seen[-1].all_overrides == ("model.sampling.steps=3",)


def test_steps_of_a_training_are_not_those_of_a_sampler():
    with pytest.raises(ValueError, match=r"use --set train\.steps=N"):
        run("train", "-m", "gldi", "--steps", "50")


def test_another_sampler_retrains_nothing(project, write_dataset, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(write_dataset(name="synthetic").parent))
    plain, ddim = (
        Session(Choice(overrides=overrides, device="cpu"), registry())
        .plan("gldi", "synthetic", [0])
        .steps
        for overrides in ((), RunOptions(methods=(), sampler="ddim", steps=5).all_overrides)
    )
    same = [one.key == other.key for one, other in zip(plain, ddim, strict=True)]
    assert [step.name for step, equal in zip(plain, same, strict=True) if equal] == [
        "train/autoencoder",
        "train/diffusion",
    ]


def test_a_method_without_a_sampler_says_so_in_one_line(project, write_dataset, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(write_dataset(name="synthetic").parent))
    session = Session(
        Choice(overrides=RunOptions(methods=(), sampler="ddim").all_overrides), registry()
    )
    with pytest.raises(ValueError, match=r"faceformer/.*Unknown key 'sampling'") as error:
        session.plan("faceformer", "synthetic", [0])
    assert "\n" not in str(error.value)


def test_time_takes_a_method_and_its_options(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "bench.checks.timing.time_method", lambda options, *_: seen.append(options) or 0
    )
    run("time", "gldi")
    run("time", "gldi", "-d", "biwi", "--profile", "paper", "--steps", "3")
    found = [(o.dataset, o.profile, o.steps) for o in seen]
    assert found == [(None, None, 10), ("biwi", "paper", 3)]
