"""The estimate of GPU hours: what is run, how often, and what is shared."""

from dataclasses import replace

import pytest


def test_every_prediction_of_the_tables_is_counted():
    """BIWI: 24 clips of seen subjects, 10 samples and one that listens; 32 in six styles each."""
    from benchmarks.training.hours import BIWI, VOCASET

    assert BIWI.predictions(10) == 24 * 11 + 32 * 6
    assert VOCASET.predictions(10) == 40 * 8  # no test clip of a seen subject


def test_a_petaflop_at_a_quarter_of_a_teraflop_per_second():
    from benchmarks.training.hours import hours_of

    assert hours_of(1000.0, peak=1e12) == pytest.approx(1000 / 0.25 / 3600)


def test_rows_train_only_what_no_row_before_them_has_trained():
    from benchmarks.training.hours import FULL_STUDY, jobs_of

    jobs = {(job.row, job.dataset.name): job for job in jobs_of(FULL_STUDY)}
    stages = ("autoencoder", "diffusion", "predict")
    for dataset in ("biwi", "vocaset"):
        assert jobs["gldi", dataset].stages == stages
        assert jobs["codetalker", dataset].stages == ("autoencoder", "predictor", "predict")
    assert jobs["gldi, k5-d1-l4", "biwi"].stages == stages
    assert jobs["gldi, mlp-encoder", "biwi"].stages == stages
    rows = {row for row, _ in jobs}
    assert not {"gldi, k9-d2-l4", "gldi, spiral-encoder", "gldi, facediffuser"} & rows


def test_every_method_that_the_paper_compares_is_estimated():
    from benchmarks.training.hours import COMPARED
    from methods import METHODS

    assert set(COMPARED) == set(METHODS) - {"template", "mean", "ridge"}


def test_an_override_of_the_model_changes_what_is_built():
    from benchmarks.subjects import build, changes_of, make_head

    overrides = ("model.autoencoder.kernel_size=5", "model.autoencoder.dilation=1", "train.lr=1")
    changes = changes_of(overrides)
    assert changes == {"autoencoder.kernel_size": 5, "autoencoder.dilation": 1}
    method = build("gldi", make_head(1300), "synthetic-mini", changes)
    assert method.autoencoder.spatial_encoder.blocks[0].spirals.shape[1] == 5


def test_a_stage_without_anything_to_train_costs_nothing():
    from benchmarks.training.hours import SYNTHETIC
    from benchmarks.training.hours_worker import HoursJob, work

    overrides = ("model.autoencoder.space=vertices",)
    dataset = replace(SYNTHETIC, frames=8, vertices=400)
    job = HoursJob("gldi, vertex-diffusion", "gldi", dataset, overrides, ("autoencoder",))
    assert work(job) == {"autoencoder": 0.0}


def test_the_table_adds_stages_and_says_that_nothing_was_measured():
    from benchmarks.training.hours import Hours
    from benchmarks.training.hours_table import markdown

    train = Hours("biwi", "gldi", "autoencoder", 3, 1000, 2.0, 10.0, 8.0, 0.25)
    draw = replace(train, stage="predict", steps=10, teraflops=1.0, v100_hours=0.5, a100_hours=0.25)
    other = replace(train, row="voca", stage="main")
    text = markdown([train, draw, other])
    assert "never measured" in text and "25% are used; 3 seeds" in text
    assert "| biwi, gldi | 1000 | 2.00 | 0.0100 | 10.5 | 8.25 |" in text
    assert "| **all** | 2000 | 4.00 | 0.0100 | 20.5 | 16.2 |" in text
