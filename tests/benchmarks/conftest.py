"""A row of a measurement that nobody made."""

import pytest


@pytest.fixture
def make_row():
    """make_row(**changes) -> a Row"""
    from benchmarks.inference.cases import Row

    row = Row(
        sweep="forms",
        method="talker",
        form="fast",
        vertices=1300,
        audio_seconds=4.0,
        seconds=2.0,
        encoder_seconds=1.0,
        setup_seconds=0.5,
        real_time_factor=2.0,
        peak_mb=1000.0,
        weights_mb=100.0,
        speedup=None,
        speedup_without_encoder=None,
        repeats=3,
        note="",
        device="cpu",
        cpu="a processor",
        threads=1,
        torch="2.13.0",
        date="2026-01-31",
    )
    from dataclasses import replace

    return lambda **changes: replace(row, **changes)
