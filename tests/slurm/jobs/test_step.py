"""A job does its step, or says why it does not."""

import dataclasses

from bench.pipeline.cache import Cache
from bench.training.stopping import never
from slurm.jobs.step import do_step


def test_code_that_changed_since_submission_is_a_failed_row(plan, project):
    step = plan()[0]
    code = {**step.inputs["code"], "bench.training.loop": "another hash"}
    old = dataclasses.replace(step, inputs={**step.inputs, "code": code})
    cache = Cache(project.runs)
    assert do_step(old, cache, never) == "failed"
    record = cache.record(old.key)
    assert record["error"] == "CodeChanged"
    assert (
        record["reason"] == "bench.training.loop changed between submission and start; submit again"
    )


def test_another_library_than_at_submission_is_a_failed_row(plan, project):
    """A node with another torch would write other numbers under the same key."""
    step = plan()[0]
    libraries = {**step.inputs["libraries"], "torch": "2.0.0"}
    old = dataclasses.replace(step, inputs={**step.inputs, "libraries": libraries})
    cache = Cache(project.runs)
    assert do_step(old, cache, never) == "failed"
    assert "instead of 2.0.0; submit again" in cache.record(old.key)["reason"]


def test_a_step_whose_parent_failed_is_skipped_with_its_reason(plan, project):
    first, second = plan("model.fault=nan")[:2]
    cache = Cache(project.runs)
    assert do_step(first, cache, never) == "failed"
    assert do_step(second, cache, never) == "skipped"
    assert cache.record(second.key)["reason"].startswith("train/coarse failed: coarse: the loss")
