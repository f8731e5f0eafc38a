"""The benchmark of exact arithmetic: how rows become ratios, and one tiny run. No time counts."""

import csv
import os
import subprocess
import sys
from dataclasses import fields, replace

import pytest
import typer

from bench.common.arithmetic import EXACT, NATIVE, in_use, why_native

MARKED = "<!-- arithmetic:start -->\nold\n<!-- arithmetic:end -->\n"
needs_exact = pytest.mark.skipif(why_native() is not None, reason=str(why_native()))


@pytest.fixture
def make_rows(make_row):
    """make_rows(method, work, steps, [(exact, native) by round]) -> rows"""
    from benchmarks.arithmetic import Row

    other = make_row()
    facts = {name: getattr(other, name) for name in ("device", "cpu", "threads", "torch", "date")}

    def rows(method, work, steps, pairs):
        return [
            Row(method, work, steps, k, *pair, repeats=len(pairs), note="", **facts)
            for k, pair in enumerate(pairs)
        ]

    return rows


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A whole run at tiny sizes, as make bench starts it: its folder."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "page.md").write_text(MARKED)
    command = [sys.executable, "-m", "benchmarks.arithmetic", "--quick", "--rounds", "2"]
    options = ["--method", "voca", "--out", str(folder), "--page", str(folder / "page.md")]
    done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "log").write_text(done.stderr)
    return folder


@needs_exact
def test_a_run_writes_a_line_for_every_work_and_round(quick):
    from benchmarks.arithmetic import Row

    with (quick / "arithmetic.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [field.name for field in fields(Row)]
    found = [(row["method"], row["work"], row["round"], row["steps"]) for row in rows]
    works = [("main", "550"), ("prediction", "1")]
    assert found == [("voca", name, k, steps) for k in "01" for name, steps in works]
    assert all(float(row[form]) > 0 for row in rows for form in ("exact", "native"))
    assert {row["threads"] for row in rows} == {"1"}
    text = (quick / "page.md").read_text()
    assert "| voca, a step of main" in text and "old" not in text


@needs_exact
def test_which_arithmetic_goes_first_changes_from_round_to_round(quick):
    lines = (quick / "log").read_text().splitlines()
    titles = [line.partition("voca, ")[2] for line in lines if line.startswith("round")]
    assert titles == [NATIVE, EXACT, EXACT, NATIVE]


@needs_exact
def test_a_native_worker_inherits_nothing_of_an_exact_parent():
    from benchmarks.arithmetic import Job
    from benchmarks.harness import run_anew

    before, name = dict(os.environ), "ATEN_CPU_CAPABILITY"
    assert before[name] == "avx2"
    assert run_anew("a variable", os.getenv, name, Job("voca", NATIVE).settings()) is None
    assert dict(os.environ) == before


def test_a_ratio_is_the_median_of_the_ratios_within_rounds(make_rows):
    """Ratios 2, 3, 1; that of the medians would be 2 / 2."""
    from benchmarks.arithmetic import markdown

    rows = make_rows("voca", "main", 10, [(2.0, 1.0), (6.0, 2.0), (2.0, 2.0)])
    rows += make_rows("voca", "prediction", 1, [(3.0, 2.0)] * 3)
    lines = markdown(rows).splitlines()
    assert "| voca, a step of main | 2.00 | 2.00 | 2.00 x | 1.00 to 3.00 |" in lines
    assert "| voca, a prediction | 2.00 | 3.00 | 1.50 x | 1.50 to 1.50 |" in lines
    assert not any("all steps" in line for line in lines)  # of one stage they are its steps


def test_stages_and_methods_weigh_by_their_steps(make_rows):
    from benchmarks.arithmetic import markdown

    rows = [
        *make_rows("gldi", "autoencoder", 30, [(2.0, 1.0)]),
        *make_rows("gldi", "diffusion", 10, [(1.0, 1.0)]),
        *make_rows("gldi", "prediction", 1, [(4.0, 1.0)]),
        *make_rows("voca", "main", 60, [(1.0, 1.0)]),
        *make_rows("voca", "prediction", 1, [(3.0, 3.0)]),
    ]
    text = markdown(rows)
    assert "| gldi, all steps | 40.0 | 70.0 | 1.75 x |" in text
    assert "| all training steps of one seed | 100 | 130 | 1.30 x |" in text
    assert "| one prediction of each method | 4.00 | 7.00 | 1.75 x |" in text


def test_what_was_measured_beside_other_work_says_so(make_rows):
    from benchmarks.arithmetic import DISTURBED, markdown

    rows = make_rows("voca", "main", 10, [(2.0, 1.0)])
    busy = [replace(r, note=DISTURBED) for r in make_rows("voca", "prediction", 1, [(2.0, 1.0)])]
    text = markdown([*rows, *busy])
    assert "| voca, a step of main | " in text and "| voca, a prediction \\* | " in text
    assert f"\\* {DISTURBED}." in text


def test_every_method_that_is_trained_is_measured():
    from benchmarks.arithmetic import TRAINED
    from methods import METHODS

    assert set(METHODS) - {"template", "mean", "ridge"} == set(TRAINED)


def test_a_worker_of_the_other_arithmetic_refuses():
    from benchmarks.arithmetic import Job, work

    other = NATIVE if in_use() == EXACT else EXACT
    with pytest.raises(ValueError, match=f"expected {other} arithmetic"):
        work(Job("voca", other))


@pytest.mark.parametrize(
    ("methods", "page", "reason"),
    [(["vocal"], MARKED, "Did you mean 'voca'?"), (None, "", "<!-- arithmetic:start -->")],
)
def test_what_is_wrong_is_found_before_anything_is_measured(
    tmp_path, capsys, methods, page, reason
):
    from benchmarks import arithmetic

    (tmp_path / "page.md").write_text(page)
    with pytest.raises(typer.Exit):
        arithmetic.main(methods, 1, True, tmp_path / "out", tmp_path / "page.md")
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
