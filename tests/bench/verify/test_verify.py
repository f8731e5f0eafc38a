"""`bench verify`: which file differs, which number in it, by how much, and what may explain it."""

import subprocess

import numpy as np
import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.common.files import read_json, write_arrays, write_json
from bench.verify import digests
from bench.verify.verify import SHOWN


def call(*options):
    """Exit code and lines of `bench verify`; an error of one line is raised."""
    done = CliRunner().invoke(app, ["verify", *options])
    if isinstance(done.exception, ValueError):
        raise done.exception
    return done.exit_code, done.output.splitlines()


@pytest.fixture
def reference(project):
    """The project with its digests written."""
    assert call("--write")[0] == 0
    return project


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def made_with(reference, **changes):
    """Write that the digests were made with something else."""
    path = reference / "reference/mini/made_with.json"
    document = read_json(path)
    write_json(path, document | {"surroundings": document["surroundings"] | changes})


def test_what_nobody_touched_is_identical(reference):
    assert call() == (0, ["identical: 8 files of profile mini, 9 numbers in them"])


def test_the_hashes_are_those_of_sha256sum(reference):
    subprocess.run(
        ["sha256sum", "--check", "--strict", "reference/mini/results.sha256"], check=True
    )


def test_one_digit_is_named_with_both_values_and_the_relative_difference(reference):
    path = reference / "results/synthetic/voca.json"
    document = read_json(path)
    document["runs"][1]["splits"]["test_a"]["metrics"]["lve"]["value"] = 1.00001e-05
    write_json(path, document)
    code, lines = call()
    assert code == 1 and lines[0] == "different: 1 of 8 files"
    assert (
        f"  {path.relative_to(reference)} seed 1/test_a/lve: 1e-05 -> 1.00001e-05 (1e-05)" in lines
    )
    assert "nothing that is recorded explains it: same code, libraries and arithmetic;" in lines


def test_a_number_of_a_table_and_one_of_the_figures_data_are_named(reference):
    change(reference / "reports/tables/table1.csv", "5e-06", "4e-06")
    write_arrays(reference / "results/synthetic/heatmaps.npz", {"voca": np.array([0.1, -0.4])})
    _, lines = call()
    assert "  reports/tables/table1.csv voca/lve/mean: 5e-06 -> 4e-06 (0.2)" in lines
    assert "  results/synthetic/heatmaps.npz voca/largest: 0.3 -> 0.4 (0.25)" in lines


def test_the_largest_differences_come_first_and_the_rest_is_counted(reference):
    path = reference / "results/synthetic/gldi.metrics.json"
    numbers = {f"m{n:02d}": 1.0 for n in range(SHOWN + 5)}
    write_json(path, numbers)
    call("--write")
    write_json(path, {name: 1 + int(name[1:]) / 100 for name in numbers})
    _, lines = call()
    shown = [line.split()[1] for line in lines if "gldi.metrics.json" in line]
    assert shown == [f"m{n:02d}:" for n in range(SHOWN + 4, 4, -1)]
    assert lines[1].startswith(f"{SHOWN + 4} numbers in 1 file") and "  ... and 4 more" in lines


def test_bytes_of_a_figure_words_of_a_table_lost_and_new_files_are_told_apart(reference):
    change(reference / "reports/figures/bars.svg", "<svg/>", "<svg />")
    change(reference / "reports/tables/table1.csv", "worse", "better")
    (reference / "reports/site/index.html").unlink()
    (reference / "reports/site/more.html").write_text("")
    code, lines = call()
    assert code == 1 and lines[:8] == [
        "different: 2 of 8 files",
        "2 files of other bytes, whose kept numbers are the same",
        "  reports/figures/bars.svg",
        "  reports/tables/table1.csv",
        "1 file committed and not here",
        "  reports/site/index.html",
        "1 file here and not committed",
        "  reports/site/more.html",
    ]


def test_a_number_that_is_gone_is_absent(reference):
    write_json(reference / "results/synthetic/voca.metrics.json", {"lve": None})
    assert "  results/synthetic/voca.metrics.json lve: 1e-05 -> absent" in call()[1]


def test_what_digests_were_made_with_is_set_beside_what_is_here(reference):
    change(reference / "reports/figures/bars.svg", "<svg/>", "<svg />")
    made_with(reference, arithmetic="exact-x86-64-v9", python="3.11.0")
    at = call()[1].index("what may explain it (committed -> here)")
    assert [line.split(" -> ")[0] for line in call()[1][at + 1 :]] == [
        "  arithmetic exact-x86-64-v9",
        "  python 3.11.0",
    ]


def test_other_cache_keys_are_an_explanation(reference):
    path = reference / "results/synthetic/voca.json"
    change(path, '"evaluate": "k0"', '"evaluate": "other"')
    _, lines = call()
    assert "  cache keys of 1 row: code, settings, data or libraries are others" in lines


def test_without_results_or_digests_there_is_nothing_to_compare(project, capsys):
    assert call() == (2, ["error: no digests of profile mini are committed (there are: none)"])
    for path in (project / "results").rglob("*.json"):
        path.unlink()
    assert call() == (2, ["error: results/ holds no results; run: make repro"])


def test_another_profile_is_said_in_one_line(reference):
    for name in ("voca", "gldi"):
        change(reference / f"results/synthetic/{name}.json", '"mini"', '"smoke"')
    assert call() == (2, ["error: no digests of profile smoke are committed (there are: mini)"])


def test_of_more_datasets_the_results_of_the_shared_one_are_compared(reference):
    text = (reference / "results/synthetic/voca.json").read_text()
    other = reference / "results/vocaset/voca.json"
    other.parent.mkdir()
    other.write_text(text.replace('"synthetic"', '"vocaset"'))
    (reference / "reports/tables/table1.csv").write_text("of both")
    code, lines = call()
    assert code == 0 and len(lines) == 2
    assert lines[0].startswith("digests are of synthetic, results here of synthetic, vocaset")
    assert lines[1].startswith("identical: 5 files")


def test_failed_runs_and_other_libraries_get_no_digests(project):
    change(project / "requirements.lock", "numpy==", "numpy==0.")
    with pytest.raises(ValueError, match=r"installed differ: numpy 0\.\d+.* or make upgrade"):
        call("--write")
    change(project / "results/synthetic/voca.json", '"done"', '"failed"')
    with pytest.raises(ValueError, match=r"voca.json has a run that failed"):
        call("--write", "--lock")
    assert not digests.REFERENCE.exists()


def test_an_upgrade_renews_lock_and_digests_and_prints_what_moved(reference):
    lock = reference / "requirements.lock"
    before = lock.read_text()
    change(lock, "numpy==", "numpy==0.")
    change(reference / "results/synthetic/voca.metrics.json", "1e-05", "2e-05")
    code, lines = call("--write", "--lock")
    assert code == 0 and lines[0].startswith("numpy 0.") and " -> " in lines[0]
    assert "  results/synthetic/voca.metrics.json lve: 1e-05 -> 2e-05 (0.5)" in lines
    pins = [line for line in lock.read_text().splitlines(True) if line[0] != "#"]
    assert "".join(pins) == before
    assert call()[0] == 0


def test_a_newer_or_lost_reference_is_one_line(reference):
    folder = reference / "reference/mini"
    document = read_json(folder / "made_with.json")
    write_json(folder / "made_with.json", document | {"schema_version": 2})
    with pytest.raises(ValueError, match="cannot be read: Input should be 1; run: git checkout"):
        call()
    write_json(folder / "made_with.json", document)
    (folder / "results.sha256").unlink()
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        call()
