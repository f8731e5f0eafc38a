"""Doing one planned step: the only place where keys meet training, prediction and scoring."""

import os
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from bench.common.arithmetic import CHOICE, in_use, why_native
from bench.common.files import noting, output
from bench.dataset.manifest import prepare_hint
from bench.dataset.reader import Dataset, load_dataset
from bench.evaluation.drawn import Drawn
from bench.evaluation.evaluate import Evaluation, evaluate
from bench.evaluation.oracle import evaluate_oracle
from bench.evaluation.predict import is_deterministic, predict_all
from bench.method import Method
from bench.pipeline.cache import TRACEBACK, Cache, resume
from bench.pipeline.locks import Held, LockLost
from bench.pipeline.provenance import (
    git_state,
    job,
    library_versions,
    machine,
    peak_memory_mb,
    reset_peak_memory,
)
from bench.pipeline.step import IMPORT, Step, threads_of
from bench.registry.methods import load
from bench.training.batches import Loader, under_all_styles
from bench.training.checkpoint import WEIGHTS, load_weights, save_weights
from bench.training.loop import Stage, initialise, train_stage
from bench.training.stopping import Interrupted, Stop, never

Report = Callable[[str], None]
"""report(text): what the step is doing, for a progress line."""


def run_step(step: Step, cache: Cache, report: Report, stop: Stop = never) -> str:
    """Do a step if it is not done, and write its record. Returns its status.

    A failure becomes a record with status ``failed``, the error and a traceback file; it is never
    raised. KeyboardInterrupt is raised, and Interrupted soon after ``stop()`` says so: the entry
    keeps its checkpoint.
    """
    while True:
        with cache.lock(step.key) as held:
            try:
                return "done" if cache.is_done(step.key) else _run(step, cache, report, stop, held)
            except LockLost:
                continue  # to see what the other process makes of it


def _run(step: Step, cache: Cache, report: Report, stop: Stop, held: Held) -> str:
    folder = cache.folder(step.key)
    folder.mkdir(parents=True, exist_ok=True)
    provenance = provenance_of(step)  # before the work: a GPU that broke in it tells nothing
    reset_peak_memory()
    started, clock = datetime.now(UTC), time.monotonic()
    try:
        resume(folder, step.again)
        with noting(folder):
            marks = _do(step, cache, folder, report, lambda: held.lost or stop())
        outcome: dict[str, Any] = {"status": "done", "marks": marks}
    except Interrupted:
        held.check()
        raise
    except Exception as error:  # whatever a method raises is a row of the table, not a crash
        held.check()
        outcome = failure(error, folder)
    times = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - clock, 3),
        "peak_memory_mb": round(peak_memory_mb(), 1),
    }
    held.check()
    cache.write_record(step.key, {**describe(step), **outcome, **times, **provenance})
    return str(outcome["status"])


def failure(error: Exception, folder: Path) -> dict[str, Any]:
    """Describes an error for a record, and writes its traceback into the step's folder."""
    with suppress(OSError):  # a full disk may have room for the record all the same
        (folder / TRACEBACK).write_text(traceback.format_exc(), encoding="utf-8")
    name = type(error).__name__
    reason = " ".join(str(error).split()) or name
    return {"status": "failed", "error": name, "reason": reason, "traceback": TRACEBACK}


def describe(step: Step) -> dict[str, Any]:
    """Describes a step for its record, whatever came of it."""
    run = step.run
    return {
        "step": step.name,
        "method": run.method,
        "dataset": run.dataset,
        "variant": run.variant,
        "seed": run.seed,
        "parent": step.parent.key if step.parent else None,
        "inputs": step.inputs,
        "again": step.again,
    }


def provenance_of(step: Step) -> dict[str, Any]:
    """Describes the code and the machine that do a step, for its record."""
    return {
        "git": git_state(),
        "versions": library_versions(),
        "machine": machine(),
        "arithmetic": in_use(),
        "device": step.run.device,
        "threads": threads_of(step.run) if step.run.stages else 1,
        "job": job(),
    }


def _do(step: Step, cache: Cache, folder: Path, report: Report, stop: Stop) -> list[str]:
    """Dispatch on the step's kind; returns marks, such as operators that are not deterministic.

    Raises ValueError in a process whose arithmetic is not that of the step's key.
    """
    if (planned := step.inputs.get("arithmetic", in_use())) != in_use():
        raise ValueError(
            f"expected {planned} arithmetic, as where this step was planned, got {in_use()}; "
            f"{why_native() or f'set {CHOICE} to the same where it is planned and done'}"
        )
    dataset = load_dataset(step.run.dataset, step.run.data_root)
    if step.name == "oracle":
        evaluate_oracle(dataset, folder)
        return []
    if step.name == "evaluate":
        _evaluate(step, dataset, cache, folder)
        return []
    torch.set_num_threads(threads_of(step.run))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_deterministic(step.run.device)
        if step.stage:
            _train(step, dataset, cache, folder, report, stop)
        else:
            _predict(step, dataset, cache, folder, report, stop)
    marks = {str(w.message).split(".")[0] for w in caught if "deterministic" in str(w.message)}
    return sorted(marks)


def make_deterministic(device: str) -> None:
    """Let torch choose algorithms that give the same bits again, and warn where it has none."""
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
    torch.set_deterministic_debug_mode("warn")  # the other way to say it imports the compiler: 2 s


def _train(
    step: Step, dataset: Dataset, cache: Cache, folder: Path, report: Report, stop: Stop
) -> None:
    run, name = step.run, step.stage
    assert name is not None
    config = run.preset.train[name]
    clips = {split: dataset.clips(split) for split in ("train", "val")}
    clips["val"] = under_all_styles(clips["val"], len(dataset.spec.styles))
    whole = config.model_copy(update={"window": "clip"})  # what validation hears
    train, val = (
        Loader(clips[split], dataset.spec.fps, settings, run.seed, name) if clips[split] else None
        for split, settings in (("train", config), ("val", whole))
    )
    if train is None:
        raise ValueError(f"{dataset.name} has no training clips; {prepare_hint(dataset.name)}")
    method = build(step, dataset, cache)
    stage = Stage(
        method, name, config, train, val, run.seed, folder, torch.device(run.device), stop
    )

    def progress(done: int, steps: int, loss: float, rate: float, left: float) -> None:
        report(f"{done}/{steps} loss {loss:.4g}, {rate:.1f} clips/s, {left:.0f} s left")

    train_stage(stage, progress)
    fresh = initialise(load(run.reference), run.preset.model, dataset.spec, run.seed)
    save_weights(folder / WEIGHTS, method, later_stages(run.stages, name), fresh)
    (folder / "checkpoint.pt").unlink(missing_ok=True)


def _predict(
    step: Step, dataset: Dataset, cache: Cache, folder: Path, report: Report, stop: Stop
) -> None:
    method = build(step, dataset, cache).to(torch.device(step.run.device))

    def progress(done: int, total: int) -> None:
        report(f"{done}/{total} predictions")
        if stop() and done < total:  # what is drawn is scored and is not drawn again
            raise Interrupted

    drawn = _drawn(step, dataset, folder)
    predict_all(method, dataset, step.run.preset.predict, step.run.seed, drawn, progress)


def _evaluate(step: Step, dataset: Dataset, cache: Cache, folder: Path) -> None:
    assert step.parent is not None
    drawn = _drawn(step, dataset, cache.folder(step.parent.key))
    evaluate(Evaluation(drawn, step.run.preset.predict), folder)


def _drawn(step: Step, dataset: Dataset, folder: Path) -> Drawn:
    deterministic = is_deterministic(load(step.run.reference), step.run.preset.predict)
    return Drawn(folder, dataset, deterministic)


def build(step: Step, dataset: Dataset, cache: Cache) -> Method:
    """The method with the weights of its nearest trained or imported ancestor, or fresh ones."""
    run = step.run
    method = initialise(load(run.reference), run.preset.model, dataset.spec, run.seed)
    source = next((a for a in step.ancestors() if a.stage or a.name == IMPORT), None)
    if source is not None:
        without = later_stages(run.stages, source.stage) if source.stage else ()
        load_weights(output(cache.folder(source.key), WEIGHTS), method, without)
    return method


def later_stages(stages: tuple[str, ...], stage: str) -> tuple[str, ...]:
    """The stages that are trained after one."""
    return stages[stages.index(stage) + 1 :]
