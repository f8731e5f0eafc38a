"""Counts, floors, rows and tables of the benchmark of training, on numbers known by hand."""

import os
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from torch import nn


@pytest.fixture
def make_row():
    """make_row(**changes) -> a Row"""
    from benchmarks.training.cases import Row

    row = Row("encoder", "lean", "a-preset", 1300, 12, "float32", device="cpu", cpu="a processor")
    return lambda **changes: replace(row, **changes)


def timings(seconds, counts=None, **facts):
    return {"seconds": seconds, "peak_mb": None, "counts": counts, "facts": facts}


def test_flops_and_bytes_of_a_linear_layer():
    """32 frames, 8 features to 4: a product forward and one for the weights' gradient."""
    from benchmarks.training.counts import count

    layer, x = nn.Linear(8, 4, bias=False), torch.randn(32, 8)
    step = lambda: layer(x).tanh().sum().backward()  # noqa: E731
    counts = count(step, layer.parameters(), [layer.weight, x], updates=False)
    assert counts.flops == 2 * (2 * 32 * 8 * 4)
    assert counts.saved == 32 * 4 * 4  # tanh keeps its result; weights and input are known
    assert counts.moved == 3 * 4 * 8 * 4 + 2 * counts.saved
    updated = count(step, layer.parameters(), [layer.weight, x], updates=True)
    assert updated.moved - counts.moved == 7 * 4 * 8 * 4


def test_a_storage_that_is_kept_twice_counts_once():
    from benchmarks.training.counts import saved_storages

    x = torch.randn(10, requires_grad=True)
    with saved_storages([x]) as saved:
        y = x.exp()  # keeps y
        z = y * y.view(2, 5).view(10)  # keeps y twice
        w = x * 2  # keeps nothing new
    assert sum(saved.values()) == 40
    assert z.shape == w.shape


def test_the_floor_is_the_slower_of_computing_and_moving():
    from benchmarks.training.counts import Counts, Peaks, floor_seconds

    peaks = Peaks(flops=100.0, bandwidth=10.0)
    assert floor_seconds(Counts(flops=500.0, saved=0.0, moved=10.0), peaks) == 5.0
    assert floor_seconds(Counts(flops=500.0, saved=0.0, moved=80.0), peaks) == 8.0


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_device_has_peaks(precision):
    from benchmarks.training.counts import measure_peaks

    peaks = measure_peaks("cpu", precision, matmul=16, copied=1024)
    assert peaks.flops > 0 and peaks.bandwidth > 0


def test_a_gpu_is_measured_in_bfloat16_and_compiled_too():
    from benchmarks.training.cases import ENCODER, forms_on

    assert forms_on("cpu", ENCODER) == ENCODER
    found = {form.name: form for form in forms_on("cuda", ENCODER)}
    assert len(found) == 3 * len(ENCODER)
    both = found["plain, bfloat16, compiled"]
    assert (both.plain, both.precision, both.compiled) == (True, "bfloat16", True)
    assert not found["lean, bfloat16"].compiled


def test_forms_of_one_setting_share_a_step():
    from benchmarks.training.cases import CACHED, forms_on
    from benchmarks.training.worker import by_setting

    groups = by_setting(forms_on("cuda", CACHED))
    settings = [{(form.precision, form.compiled) for form in forms} for forms in groups]
    assert settings == [{("float32", False)}, {("bfloat16", False)}, {("bfloat16", True)}]
    assert all(len({form.anew for form in forms}) == 4 for forms in groups)


def test_a_row_has_the_median_and_its_share_of_the_floor(make_row):
    from benchmarks.training.cases import row_of
    from benchmarks.training.counts import Peaks

    counts = {"flops": 2e12, "saved": 2**20, "moved": 1e9}
    row = row_of(make_row(), timings([4.0, 9.0, 5.0], counts), Peaks(1e12, 1e9))
    assert (row.seconds, row.repeats, row.saved_mb, row.teraflops) == (5.0, 3, 1.0, 2.0)
    assert (row.floor_seconds, row.floor_fraction) == (2.0, 0.4)


def test_ratios_are_taken_over_the_first_form(make_row):
    from benchmarks.training.cases import with_ratios

    lean = make_row(seconds=2.0, saved_mb=10.0)
    plain, killed = make_row(seconds=9.0, saved_mb=40.0), make_row(note="out of memory")
    first, second, third = with_ratios([lean, plain, killed])
    assert (first.ratio, first.saved_ratio) == (None, None)
    assert (second.ratio, second.saved_ratio) == (4.5, 4.0)
    assert (third.ratio, third.saved_ratio) == (None, None)


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (BrokenProcessPool("a child went away"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_only_a_lack_of_memory_counts_as_such(error, is_memory, monkeypatch, capsys):
    from benchmarks import harness

    class Pool(nullcontext):
        def submit(self, work, job):
            future = Future()
            future.set_exception(error)
            return future

    monkeypatch.setattr(harness, "ProcessPoolExecutor", lambda *_: Pool(Pool()))
    monkeypatch.setattr("os.environ", dict(os.environ))  # it is changed for the processes
    with pytest.raises(RuntimeError) as caught:
        harness.run_apart("stage 1: lean", print, None)
    assert isinstance(caught.value, harness.Killed) == is_memory
    assert capsys.readouterr().err == "stage 1: lean\n"


def test_a_form_that_memory_is_too_short_for_is_a_row_without_time(monkeypatch):
    from benchmarks.harness import Killed
    from benchmarks.training import __main__ as training
    from benchmarks.training.cases import QUICK
    from benchmarks.training.counts import Peaks

    def run(job):
        [form] = job.forms
        if form.plain:
            raise Killed("stage 1: the process was killed; is memory short?")
        return {form.name: timings([1.0])}

    bench = training.Bench(QUICK, "cpu")
    bench.peaks = {"float32": Peaks(1.0, 1.0)}
    monkeypatch.setattr(bench, "_run", run)
    rows = list(bench._stage1())
    assert [row.seconds for row in rows] == [1.0, None, 1.0] * 2
    assert [row.note for row in rows[:2]] == ["", "out of memory"]
    assert rows[2].ratio == 1.0


def test_the_table_says_what_did_not_fit_and_how_far_forms_differ(make_row):
    from benchmarks.training.report import markdown

    device = make_row(part="device", form="peak", teraflops=0.1, gigabytes=15.0)
    lean = make_row(seconds=2.0, floor_seconds=0.5, floor_fraction=0.25, repeats=3, peak_mb=1e3)
    plain = make_row(form="plain", difference=0.0, gradient_difference=3e-7, note="out of memory")
    text = markdown([device, lean, plain])
    assert "Measured peak, float32: 0.100 TFLOP/s and 15.0 GB/s." in text
    assert "differ by 0 in their values and 3e-07 in their gradients" in text
    assert "| encoder, lean | 12 | 2.00 | - | - | - | 1.05 | - | - | 0.500 | 25 % |" in text
    assert "| encoder, plain | 12 | - \\* |" in text
    assert text.endswith("\\* out of memory.")


def test_a_table_without_steps_is_refused(make_row):
    from benchmarks.training.report import markdown

    with pytest.raises(ValueError, match="no measurement"):
        markdown([make_row(part="device")])


def test_forgetting_forgets_what_it_is_told_to():
    from benchmarks.subjects import build, forget, make_head, read_preset
    from benchmarks.training.worker import MEMOS, Step, make_batch

    spec = make_head(1300)
    method = build("gldi", spec, "synthetic-mini")
    config = read_preset("gldi", "synthetic-mini").train["diffusion"]
    batch = make_batch(spec, 10, "cpu")
    Step(method, "diffusion", config, "cpu")(batch)
    latents, heard = method._frozen_latents, method.diffusion.denoiser.speech.memo

    def kept():
        return len(latents._results), len(heard._results)

    assert kept() == (1, 1)
    forget(method)
    assert kept() == (1, 1)
    forget(method, MEMOS["speech"])
    assert kept() == (1, 0)
    forget(method, MEMOS["latents"])
    assert kept() == (0, 0)


def test_no_layer_of_the_speech_encoder_is_skipped():
    """HuBERT's own rate is 0.1; what is counted must not depend on a draw."""
    from benchmarks.subjects import build, make_head

    small = {"hidden": 32, "num_heads": 2, "feed_forward": 32, "conv_channels": 8}
    speech = {"kind": "hubert", "random_weights": True, "position_kernel": 8, **small}
    changes = {f"speech.{name}": value for name, value in speech.items()}
    method = build("facediffuser", make_head(400), "synthetic-mini", changes)
    configs = [getattr(module, "config", None) for module in method.modules()]
    assert {c.layerdrop for c in configs if hasattr(c, "layerdrop")} == {0.0}


def test_a_head_has_slits_and_as_many_vertices_as_asked_for():
    """A disk with three holes, as the face of BIWI: Euler characteristic -2."""
    from benchmarks.subjects import make_head

    spec = make_head(5023)
    edges = {tuple(sorted(e)) for a, b, c in spec.faces.tolist() for e in ((a, b), (b, c), (c, a))}
    assert spec.num_vertices - len(edges) + len(spec.faces) == -2
    assert (spec.num_vertices, spec.fps, len(spec.styles)) == (5023, 25.0, 6)
    assert {"lips", "mouth", "upper_face"} <= set(spec.masks)


def test_a_head_of_too_few_vertices_is_refused_in_one_line():
    from benchmarks.subjects import make_head

    with pytest.raises(ValueError, match="no head of 100 vertices: .*at least 200"):
        make_head(100)
