"""Health of codebooks: from what training logged into the results."""

import pytest
from rich.console import Console

from bench.cli.listing import show_lines
from bench.cli.scores_table import say_collapsed
from bench.collect.codebooks import codebooks
from bench.common.files import read_json, write_json
from bench.results import Codebook, RunResult

EPOCHS = [
    {"epoch": 1, "step": 2, "codes_size": 8, "codes_usage": 1.0, "codes_perplexity": 7.0},
    {"epoch": 2, "step": 4, "codes_size": 8, "codes_usage": 0.5, "codes_perplexity": 3.0},
]
LAST = {"step": 4, "loss": 0.2, "rec": 0.1, "codes_usage": 0.375, "codes_perplexity": 2.5}


@pytest.fixture
def trained(plan, work, cache):
    """A function that changes the curves of a finished first stage; returns its run's keys."""

    def make(**changes):
        steps = plan()
        work(steps)
        record = cache.record(steps[0].key)
        path = cache.folder(steps[0].key) / "curves.json"
        write_json(path, read_json(path) | changes)
        cache.write_record(steps[0].key, record)  # as if it had been written so
        return {step.name: step.key for step in steps}

    return make


def test_the_last_validation_and_every_epoch_are_told(trained, cache):
    keys = trained(epochs=EPOCHS, validation=[LAST | {"codes_perplexity": 9.9}, LAST])
    (found,) = codebooks(cache, keys).items()
    stage, health = found
    assert stage == "coarse"
    assert (health.size, health.usage, health.perplexity) == (8, 0.375, 2.5)
    assert health.validation == {"loss": 0.2, "rec": 0.1}
    assert [(e.epoch, e.usage, e.perplexity) for e in health.epochs] == [(1, 1.0, 7.0), (2, 0.5, 3)]


@pytest.mark.parametrize(("perplexity", "collapsed"), [(2.3, True), (2.4, False), (8.0, False)])
def test_a_codebook_has_collapsed_below_three_tenths_of_its_size(perplexity, collapsed):
    book = Codebook(size=8, usage=1.0, perplexity=perplexity, validation={}, epochs=())
    assert book.collapsed is collapsed


def test_a_collapsed_codebook_is_told_in_the_terminal_and_by_show(
    trained, cache, capsys, plan, monkeypatch
):
    keys = trained(epochs=EPOCHS, validation=[LAST | {"codes_perplexity": 2.0}])
    run = RunResult(seed=3, status="done", codebooks=codebooks(cache, keys))
    say_collapsed("talker", [run])
    told = " ".join(capsys.readouterr().out.split())
    assert "talker, seed 3, coarse: the codebook has collapsed: perplexity 2.0 of 8 codes" in told
    coloured = Console(record=True, force_terminal=True, color_system="standard", width=200)
    monkeypatch.setattr("bench.common.terminal.console", lambda: coloured)
    say_collapsed("talker", [run])
    assert "\x1b[1;31mtalker, seed 3" in coloured.export_text(styles=True)
    shown = list(show_lines(keys["train/coarse"], why=False))
    assert "codebook of 8 codes: usage 0.38, perplexity 2.0 on the validation clips" in shown


def test_a_stage_without_codes_has_no_codebook(trained, cache):
    assert codebooks(cache, trained()) == {}
    assert codebooks(cache, trained(epochs=EPOCHS, validation=[])) == {}


def test_a_stage_that_is_not_trained_has_none(plan, cache):
    assert codebooks(cache, {step.name: step.key for step in plan()}) == {}
