"""The benchmark of training: one tiny run, and what depends on no device. No time is asserted."""

import csv
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).parents[3]
MARKED = "".join(
    f"<!-- {name}:start -->\nold\n<!-- {name}:end -->\n" for name in ("bench", "training")
)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A whole run at tiny sizes, as make bench starts it: its folder."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "README.md").write_text(MARKED)
    command = [sys.executable, "-m", "benchmarks.training", "--quick"]
    options = ["--device", "cpu", "--out", str(folder), "--page", str(folder / "README.md")]
    done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def rows(quick):
    """Every line of the run's CSV."""
    with (quick / "training.csv").open() as file:
        return list(csv.DictReader(file))


def steps(rows, part, frames):
    return {r["form"]: r for r in rows if r["part"] == part and r["frames"] == str(frames)}


def test_a_run_writes_a_line_for_every_form(rows):
    from benchmarks.training.cases import Row

    assert list(rows[0]) == [field.name for field in fields(Row)]
    forms = ["lean", "plain", "lean, 8 frames at a time"]
    cached = ["both cached", "latents anew", "speech anew", "both anew"]
    assert [(row["part"], row["form"]) for row in rows] == [
        ("device", "peak"),
        ("hierarchy", "build"),
        ("hierarchy", "load from cache"),
        ("encoder", "lean"),
        ("encoder", "plain"),
        *(("stage 1", form) for form in forms * 2),
        *(("stage 2", form) for form in cached * 2),
    ]
    assert all(float(row["seconds"]) > 0 for row in rows)
    assert {row["threads"] for row in rows} == {"1"}


def test_lean_and_plain_encoder_compute_the_same_in_a_third_of_the_memory(rows):
    found = steps(rows, "encoder", 12)
    plain, lean = found["plain"], found["lean"]
    assert float(plain["difference"]) < 1e-5
    assert 0 < float(plain["gradient_difference"]) < 1e-4  # 0: nothing was compared
    assert float(lean["saved_mb"]) <= float(plain["saved_mb"]) / 3
    assert float(lean["teraflops"]) <= float(plain["teraflops"]) / 3


def test_a_whole_step_is_measured_with_its_floor(rows):
    found = steps(rows, "stage 1", 12)
    for row in found.values():
        fraction = float(row["floor_seconds"]) / float(row["seconds"])
        assert float(row["floor_fraction"]) == pytest.approx(fraction, rel=2e-3)
        assert float(row["peak_mb"]) > float(row["saved_mb"]) > 0
    chunked, lean = found["lean, 8 frames at a time"], found["lean"]
    assert float(chunked["saved_mb"]) < float(lean["saved_mb"])
    assert float(chunked["teraflops"]) > float(lean["teraflops"])  # encoded twice
    longest = steps(rows, "stage 1", 20)
    assert {row["repeats"] for row in longest.values()} == {"1"}
    assert {row["floor_seconds"] for row in longest.values()} == {""}


def test_what_is_kept_per_clip_is_not_computed(rows):
    """A product that was kept is not counted; the rest of the step is the same."""
    found = {name: float(row["teraflops"]) for name, row in steps(rows, "stage 2", 10).items()}
    cached = found["both cached"]
    assert cached < min(found["latents anew"], found["speech anew"])
    extra = sum(found[name] - cached for name in ("latents anew", "speech anew"))
    assert found["both anew"] == pytest.approx(cached + extra, rel=1e-3)


def test_a_run_draws_and_fills_its_own_markers(quick):
    assert "</svg>" in (quick / "training.svg").read_text()
    text = (quick / "README.md").read_text()
    assert text.startswith("<!-- bench:start -->\nold\n<!-- bench:end -->\n")
    assert text.count("old") == 1
    assert "| encoder, plain | 12 |" in text
    assert "levels 1300 325 82 21 6" in text


def run(folder, part):
    """A run in this process: it must end before it measures."""
    from benchmarks.training import __main__ as training

    training.main(part, "cpu", True, folder / "out", folder / "README.md")


def test_missing_markers_are_found_before_anything_is_measured(tmp_path, capsys):
    (tmp_path / "README.md").write_text(MARKED.replace("training", "other"))
    with pytest.raises(typer.Exit):
        run(tmp_path, None)
    assert "expected one <!-- training:start -->" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_unknown_part_is_refused_in_one_line(tmp_path, capsys):
    with pytest.raises(typer.Exit):
        run(tmp_path, ["encodr"])
    assert "Did you mean 'encoder'?" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
