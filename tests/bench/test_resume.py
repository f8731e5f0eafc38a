"""Killed at any moment, the same command goes on and ends with the same bits."""

import json
import subprocess
import sys

# optimiser steps that are left: 12 and 4 in all, checkpoints after 4, 8 and 12 + 2
LEFT = {
    "before the first step": 16,
    "between two checkpoints": 12,
    "right after a checkpoint": 8,
    "while a checkpoint is written": 12,
    "while weights are written": 8,
    "in the second stage": 2,
    "while a prediction is written": 0,
    "before the record of the scores": 0,
}


def test_a_run_that_was_killed_anywhere_ends_with_the_same_bits(project):
    """Weights, curves, predictions and scores; nothing is left over, nothing is done twice."""
    done = subprocess.run(
        [sys.executable, str(project.toys / "killed_runs.py")],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("steps") == 16
    names = found.pop("files")
    assert {"model.safetensors", "curves.json", "scores.json", "motion_std.npz"} <= set(names)
    assert "checkpoint.pt" not in names
    assert found == {
        point: {"killed": True, "ended": 0, "differs": [], "steps": left}
        for point, left in LEFT.items()
    }
