"""What one command line makes of methods, seeds, steps and ablations."""

import shutil
from collections import Counter

import pytest

from bench.cli.run_methods import RunOptions, run_methods
from bench.pipeline.step import nearest_change
from bench.registry import methods
from bench.registry.rows import Registry

ABLATION = """
description: how much is drawn, and how wide it is
variants:
  narrow: {set: [model.coarse.width=3]}
  quiet: {set: [model.sampling.size=0.0], label: no noise}
"""


@pytest.fixture
def run(project, table, capsys):
    """A function that runs toy methods; returns the exit code and what was said."""

    def make(*methods, **options):
        asked = RunOptions(methods=methods, device="cpu", workers=0, **options)
        code = run_methods(asked, table)
        return code, capsys.readouterr().out

    return make


def test_each_class_and_each_ablation_file_is_read_once_per_command(
    run, project, table, monkeypatch, capsys
):
    """Whatever is asked of a method: many variants, seeds, and estimates of what is to be done."""
    assert run("talker")[0] == 0  # an estimate is of its records
    registry = Registry({name: method.reference for name, method in table.methods.items()})
    asked = RunOptions(
        methods=("talker",), ablation="noise", profile="seeds", device="cpu", dry_run=True
    )
    counts = Counter()

    def counted(function):
        def call(what):
            counts[function.__name__, str(what)] += 1
            return function(what)

        return call

    for function in (methods.load, methods.ablation_files):
        monkeypatch.setattr(methods, function.__name__, counted(function))
    folder = project.toys / "talker" / "ablations"
    folder.mkdir()
    (folder / "noise.yaml").write_text(
        ABLATION.replace("variants:", "variants:\n  still: {row: still}")
    )
    try:
        code = run_methods(asked, registry)
    finally:
        shutil.rmtree(folder)
    text = capsys.readouterr().out
    assert code == 0 and text.count("  to do ") == 20 and "about " in text
    assert counts == {
        ("load", "toy_talker:ToyTalker"): 1,
        ("load", "toy_still:ToyStill"): 1,
        ("ablation_files", str(folder.parent)): 1,
    }


def steps_of(cache):
    return sorted((r["method"], r["variant"], r["seed"], r["step"]) for r in cache.records())


def test_every_method_runs_with_every_seed_of_the_profile(run, cache):
    assert run("still", "talker", profile="seeds")[0] == 0
    records = steps_of(cache)
    assert len(records) == 2 * 3 + 2 * 4
    assert {(method, seed) for method, _, seed, _ in records} == {
        (method, seed) for method in ("still", "talker") for seed in (0, 1)
    }


def test_named_seeds_replace_the_profiles(run, cache):
    run("still", seeds=(7, 8))
    assert {seed for _, _, seed, _ in steps_of(cache)} == {7, 8}


@pytest.mark.parametrize(
    ("until", "last"), [("train", "train/fine"), ("predict", "predict"), ("evaluate", "evaluate")]
)
def test_work_stops_where_it_is_told_to(until, last, run, cache):
    code, text = run("talker", until=until)
    done = [step for *_, step in steps_of(cache)]
    every = ["evaluate", "predict", "train/coarse", "train/fine"]
    order = ["train/coarse", "train/fine", "predict", "evaluate"]
    assert code == 0 and last in done
    assert done == sorted(order[: order.index(last) + 1], key=every.index)
    assert ("mouth_opening_correlation" in text) is (until == "evaluate")


def test_scores_are_labelled_as_generated_and_name_what_was_heard(run):
    text = run("talker", seeds=(0, 1))[1]
    title = " ".join(text.split())
    assert "generated data: no reproduction of the paper" in title
    assert "seed 0 ┃ seed 1 ┃ mean" in title
    assert "speech encoder: loudness of each frame" in text


def test_an_ablation_runs_every_variant_and_shares_what_it_can(run, cache, project, tmp_path):
    file = project.root / "noise.yaml"
    file.write_text(ABLATION)
    assert run("talker")[0] == 0
    code, text = run("talker", ablation=str(file))
    assert code == 0
    assert "2 of 8 steps are cached" in text  # quiet trains nothing: its weights are the default's
    records = steps_of(cache)
    assert [step for _, variant, _, step in records if variant == "quiet"] == [
        "evaluate",
        "predict",
    ]
    assert len([1 for _, variant, _, _ in records if variant == "narrow"]) == 4


def test_one_variant_of_an_ablation_runs_alone(run, cache, project):
    (project.root / "noise.yaml").write_text(ABLATION)
    assert run("talker", ablation="noise.yaml", variant="quiet")[0] == 0
    assert {variant for _, variant, _, _ in steps_of(cache)} == {"quiet"}
    with pytest.raises(ValueError, match=r"Unknown variant 'quit'\. Did you mean 'quiet'\?"):
        run("talker", ablation="noise.yaml", variant="quit")


def test_two_profiles_with_equal_inputs_share_their_work(run):
    run("still", profile="mini")
    assert "3 of 6 steps are cached" in run("still", profile="seeds")[1]


def record(step, status="done", **inputs):
    return {"method": "m", "dataset": "d", "step": step, "status": status, "inputs": inputs}


def test_a_new_step_is_compared_with_the_nearest_finished_one_of_its_kind():
    new = record("predict", a=1, b=1, c=1)
    others = [
        record("predict", a=2, b=2, c=1),
        record("predict", a=1, b=3, c=1),
        record("predict", "failed", a=1, b=1, c=4),
        record("evaluate", a=1, b=1, c=5),
        new,
    ]
    assert nearest_change(new, others) == ["b: 3 -> 1"]
    assert nearest_change(new, others[2:4]) == ["nothing like it was run before"]
