"""SLURM's programs may have no time: that is tried again; everything else is said at once."""

import os
import stat

import pytest

from slurm.clusters import programs as calls
from slurm.clusters.programs import ClusterError, call, outside_of_jobs


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A function that puts a shell script of some name on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(calls, "BACKOFF", 0.01)

    def write(name, text):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return tmp_path

    return write


BUSY = "echo 'squeue: error: Unable to contact slurm controller (connect failure)' >&2; exit 1"


def test_a_busy_controller_is_asked_again(program):
    folder = program("squeue", f"cd {{}} && echo x >> n; [ $(wc -l < n) -gt 2 ] || {{ {BUSY}; }}")
    program("squeue", (folder / "squeue").read_text().replace("{}", str(folder)))
    assert call("squeue") == ""
    assert len((folder / "n").read_text().split()) == 3


def test_what_never_answers_is_an_error_in_the_end(program):
    program("squeue", BUSY)
    with pytest.raises(ClusterError, match=r"Unable to contact .* \(5 attempts\)"):
        call("squeue")


def test_what_is_wrong_is_not_tried_again(program):
    folder = program("sbatch", "echo x >> $(dirname $0)/n; echo 'Invalid account' >&2; exit 1")
    with pytest.raises(ClusterError, match="^sbatch: Invalid account$"):
        call("sbatch")
    assert (folder / "n").read_text() == "x\n"


def test_a_program_that_is_not_here_says_where_to_go():
    with pytest.raises(ClusterError, match="nosuchprogram is not here; submit from a machine of"):
        call("nosuchprogram")


def test_submitting_from_inside_a_job_does_not_inherit_its_variables(monkeypatch):
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "5")
    monkeypatch.setenv("SLURM_CONF", "/here")
    with outside_of_jobs():
        assert "SLURM_MEM_PER_CPU" not in os.environ and os.environ["SLURM_CONF"] == "/here"
    assert os.environ["SLURM_MEM_PER_CPU"] == "5"
