"""Jobs run the code that was submitted."""

import os
import subprocess
import sys

from bench.pipeline.provenance import git_state
from slurm.jobs.snapshot import take_snapshot


def test_a_snapshot_is_what_jobs_import_whatever_becomes_of_the_tree(tmp_path):
    folder = take_snapshot(tmp_path)
    assert take_snapshot(tmp_path) == folder and folder.is_absolute()
    code = "from bench.pipeline import provenance as p; print(p.__file__, p.git_state())"
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(folder))
    assert str(git_state()["sha"]) in done.stdout
