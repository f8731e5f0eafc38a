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


OPTIONS = {
    "window": "clip",
    "ema": 0.9,
    "accumulate": 2,
    "batches": "length",
    "precision": "bfloat16",
}


def killed_runs(project, num_points, *options):
    """What came of a run that was killed at each of the first points, and then done again."""
    done = subprocess.run(
        [sys.executable, str(project.toys / "killed_runs.py"), str(num_points), *options],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_that_was_killed_anywhere_ends_with_the_same_bits(project):
    """Weights, curves, predictions and scores; nothing is left over, nothing is done twice."""
    found = killed_runs(project, len(LEFT), "--method", "toy_talker:ToyTalker")
    assert found.pop("steps") == 16
    names = found.pop("files")
    assert {"model.safetensors", "curves.json", "scores.json", "motion_std.npz"} <= set(names)
    assert "checkpoint.pt" not in names
    assert found == {
        point: {"killed": True, "ended": 0, "differs": [], "steps": left}
        for point, left in LEFT.items()
    }


def test_a_run_with_every_option_ends_with_the_same_bits_too(project):
    """Averaged weights, counted codes, accumulated batches by length, rounded products."""
    options = [f"--set=train.{name}={value}" for name, value in OPTIONS.items()]
    found = killed_runs(project, 4, "--method", "toy_coded:ToyCoded", *options)
    assert found.pop("steps") == 14  # the second stage has one step an epoch, and two of them
    found.pop("files")
    assert found == {
        point: {"killed": True, "ended": 0, "differs": [], "steps": LEFT[point] - 2}
        for point in list(LEFT)[:4]
    }
