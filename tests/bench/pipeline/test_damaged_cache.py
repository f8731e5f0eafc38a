"""Damaged files in the cache: one clear line, and --force gets over it."""

import shutil

import pytest

from bench.common.files import read_json, write_json

TALKER = ("--method", "toy_talker:ToyTalker", "--device", "cpu", "--workers", "0")


@pytest.mark.parametrize("data", [b"", b"no checkpoint"])
def test_a_corrupt_checkpoint_is_one_line_and_force_gets_over_it(data, command, plan, cache):
    folder = cache.folder(plan()[0].key)
    folder.mkdir(parents=True)
    (folder / "checkpoint.pt").write_bytes(data)
    outcome = command(*TALKER)
    assert outcome.code == 1
    assert "checkpoint.pt is not a usable checkpoint (" in outcome.err
    assert outcome.err.endswith("use --force to train again\n") and outcome.err.count("\n") == 1
    assert command(*TALKER, "--force").code == 0


def test_corrupt_weights_are_one_line_and_force_gets_over_it(
    command, plan, work, cache, failed_steps
):
    steps = plan()
    work(steps[:2])
    (cache.folder(steps[1].key) / "model.safetensors").write_bytes(b"no weights")
    outcome = command(*TALKER)
    assert outcome.code == 1
    assert "model.safetensors is not a usable weights file (" in outcome.err
    assert failed_steps()[0]["step"] == "predict"
    assert command(*TALKER, "--force").code == 0


def test_a_corrupt_prediction_is_one_line(plan, work, cache):
    steps = plan()
    work(steps[:3])
    path = cache.folder(steps[2].key) / "predictions" / "test_a" / "M1_06.M1.npz"
    path.write_bytes(path.read_bytes()[:-10])
    assert work(steps)[steps[3].key] == "failed"
    assert (
        "M1_06.M1.npz is not a readable prediction; use --force"
        in (cache.record(steps[3].key)["reason"])
    )


def test_a_corrupt_record_names_its_file(command, plan, cache):
    key = plan()[0].key
    cache.folder(key).mkdir(parents=True)
    (cache.folder(key) / "run.json").write_text('{"status": ')
    outcome = command(*TALKER)
    assert outcome.code == 1
    assert "run.json is not valid JSON (line 1: " in outcome.err


def test_a_record_under_the_name_of_another_step_is_refused_when_it_is_read(
    command, plan, work, cache
):
    """As an entry from another machine may be, that was changed, mixed up or renamed on its way."""
    steps = plan()
    work(steps)
    one, other = (cache.folder(step.key) for step in steps[:2])
    shutil.copy(one / "run.json", other / "run.json")
    for read in (lambda: cache.is_done(other.name), lambda: list(cache.records())):
        with pytest.raises(ValueError, match=f"{other}: expected the record of this key"):
            read()
    outcome = command(*TALKER)
    assert outcome.code == 1 and outcome.err.count("\n") == 1
    assert f"have the key {one.name[:12]}" in outcome.err and "delete the folder" in outcome.err
    shutil.rmtree(other)
    assert command(*TALKER).code == 0


def test_entries_of_an_older_rule_of_keys_are_passed_over(command, plan, work, cache):
    """An update of the code must not stop commands that look at the whole cache."""
    step = plan()[0]
    work([step])
    old = cache.root / ("0" * len(step.key))
    shutil.copytree(cache.folder(step.key), old)
    write_json(old / "run.json", read_json(old / "run.json") | {"record_schema": 1})
    assert [record["key"] for record in cache.records()] == [step.key]
    assert command(*TALKER).code == 0


def test_a_record_without_inputs_or_with_other_ones_is_refused(plan, work, cache):
    step = plan()[0]
    work([step])
    path = cache.folder(step.key) / "run.json"
    record = read_json(path)
    for inputs in ({}, {"inputs": {**record["inputs"], "seed": 7}}):
        write_json(path, {name: record[name] for name in record if name != "inputs"} | inputs)
        with pytest.raises(ValueError, match="it was changed by hand or damaged on its way"):
            cache.record(step.key)
