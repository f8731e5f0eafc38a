"""The benchmark of inference: how rows come of timings, and one tiny run. No time is asserted."""

import csv
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import torch
import typer

ROOT = Path(__file__).parents[3]
MARKED = "# Title\n\n<!-- bench:start -->\nold\n<!-- bench:end -->\n\nrest\n"


def timings(seconds, encoder, calls=1, all_steps=None):
    found = {"seconds": seconds, "encoder_seconds": encoder, "encoder_calls": calls}
    return found | {"all_steps": all_steps}


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A whole run at tiny sizes, as make bench starts it: its folder."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "README.md").write_text(MARKED)
    command = [sys.executable, "-m", "benchmarks.inference", "--quick"]
    options = ["--method", "faceformer", "--device", "cpu"]
    files = ["--out", str(folder), "--page", str(folder / "README.md")]
    done = subprocess.run([*command, *options, *files], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_run_writes_every_column_of_every_form_and_sweep(quick):
    from benchmarks.inference.cases import Row

    with (quick / "inference.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [field.name for field in fields(Row)]
    found = [(row["sweep"], row["form"]) for row in rows]
    assert found == [
        ("forms", "fast"),
        ("forms", "plain"),
        ("length", "fast"),
        ("length", "fast"),
        ("vertices", "fast"),
        ("vertices", "fast"),
    ]
    fast, plain = rows[:2]
    assert fast["speedup"] == ""
    ratio = float(plain["seconds"]) / float(fast["seconds"])
    assert float(plain["speedup"]) == pytest.approx(ratio, rel=2e-3)  # cells have four digits
    rest = [float(row["seconds"]) - float(row["encoder_seconds"]) for row in (plain, fast)]
    assert float(plain["speedup_without_encoder"]) == pytest.approx(rest[0] / rest[1], rel=2e-2)
    assert all(0 < float(row["encoder_seconds"]) < float(row["seconds"]) for row in rows)
    assert all(float(row["peak_mb"]) > float(row["weights_mb"]) > 0 for row in rows)
    assert {row["threads"] for row in rows} == {"1"}
    assert [row["repeats"] for row in rows[:2]] == ["2", "2"]


def test_a_run_draws_a_plot_and_replaces_what_stood_between_the_markers(quick):
    assert "</svg>" in (quick / "inference.svg").read_text()
    text = (quick / "README.md").read_text()
    assert "| faceformer, plain |" in text
    assert "old" not in text
    assert text.startswith("# Title\n\n<!-- bench:start -->\n")
    assert text.endswith("\n<!-- bench:end -->\n\nrest\n")


def test_ratios_compare_each_form_with_the_first_one(make_row):
    from benchmarks.inference.cases import with_ratios

    plain = make_row(form="plain", seconds=21.0, encoder_seconds=1.0)
    first, second = with_ratios([make_row(), plain])
    assert (first.speedup, first.speedup_without_encoder) == (None, None)
    assert (second.speedup, second.speedup_without_encoder) == (10.5, 20.0)


def test_a_row_without_speech_encoder_has_the_same_ratio_twice(make_row):
    from benchmarks.inference.cases import with_ratios

    rows = [make_row(encoder_seconds=None), make_row(seconds=8.0, encoder_seconds=None)]
    assert with_ratios(rows)[1].speedup == with_ratios(rows)[1].speedup_without_encoder == 4.0


def test_the_median_counts_and_the_encoder_is_not_scaled_with_the_steps():
    from benchmarks.inference.cases import seconds_of

    assert seconds_of(timings([3.0, 9.0, 3.5], [1.0, 1.0, 1.0])) == (3.5, 1.0)
    assert seconds_of(timings([3.0], [1.0], all_steps=500), 5) == (201.0, 1.0)


def test_a_loop_that_hears_in_every_step_is_charged_one_encoding_per_step():
    """Heard six times in five steps: once before them. 500 steps hear 500 times."""
    from benchmarks.inference.cases import seconds_of

    assert seconds_of(timings([16.0], [6.0], 6, 500), 5, True) == (1500.0, 500.0)


def test_a_method_that_has_no_encoder_has_none_in_the_table():
    from benchmarks.inference.cases import seconds_of

    assert seconds_of(timings([2.0], [0.0], 0)) == (2.0, None)


def test_the_table_says_what_was_scaled_and_leaves_sweeps_out(make_row):
    from benchmarks.inference.report import markdown

    rows = [make_row(), make_row(form="plain", note="5 of 500 steps, scaled", speedup=132.4)]
    text = markdown([*rows, make_row(sweep="length", method="other")])
    assert "| talker, plain \\* | 2.00 | 1.00 | 2.00 | 1.05 | 132 x | - |" in text
    assert "\\* 5 of 500 steps, scaled." in text
    assert "other" not in text


def test_missing_markers_are_found_before_anything_is_measured(tmp_path, capsys):
    from benchmarks.inference import __main__ as inference

    (tmp_path / "README.md").write_text("no markers\n")
    with pytest.raises(typer.Exit):
        inference.main(["voca"], "cpu", False, True, tmp_path / "out", tmp_path / "README.md")
    assert "expected one <!-- bench:start -->" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_unknown_method_is_refused_in_one_line(tmp_path, capsys):
    from benchmarks.inference import __main__ as inference

    with pytest.raises(typer.Exit):
        inference.main(["vocal"], "cpu", False, True, tmp_path / "out", None)
    assert "Did you mean 'voca'?" in capsys.readouterr().err


def test_forms_of_a_method_share_their_weights_and_are_clocked_apart():
    """Nothing heard in one prediction is there in the next one: each clocks one encoding."""
    from benchmarks.inference.cases import CASES, Job
    from benchmarks.inference.worker import subjects_of

    forms = CASES["faceformer"]
    job = Job("synthetic-mini", 900, 0.4, repeats=1, method="faceformer", forms=forms)
    fast, plain = subjects_of(job)
    ours, theirs = (dict(s.method.named_parameters()) for s in (fast, plain))
    assert all(ours[name].data_ptr() == theirs[name].data_ptr() for name in ours)
    assert all(weight.any() for weight in ours.values() if weight.ndim > 1)
    audio = torch.randn(6480, generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        for subject in (fast, plain):
            subject.measure(audio)
    assert fast.ear.calls == plain.ear.calls == 1
    assert all(s > 0 for s in fast.timings.encoder_seconds + plain.timings.encoder_seconds)
    assert len(fast.timings.seconds) == 2


def test_every_registered_method_that_listens_for_long_is_measured():
    from benchmarks.inference.cases import CASES
    from methods import METHODS

    assert set(METHODS) - {"template", "mean", "ridge"} <= set(CASES)


def test_every_form_is_one_that_the_methods_config_has():
    """The keys a form sets are checked when the method is built, so all of them are built here."""
    from benchmarks.inference.__main__ import QUICK_PLAN
    from benchmarks.inference.cases import CASES
    from benchmarks.subjects import build, make_sheet
    from methods import METHODS

    spec = make_sheet(min(QUICK_PLAN.meshes))
    for method in CASES.keys() & METHODS.keys():
        for form in CASES[method]:
            assert not build(method, spec, "synthetic-mini", form.set).training
