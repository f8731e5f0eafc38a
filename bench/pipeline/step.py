"""Steps: what must be computed for a run, each keyed by its own inputs and its parent's key.

train/<stage 1> -> train/<stage 2> -> predict -> evaluate; for imported weights, import -> predict
-> evaluate. A key is the SHA-256 of the canonical JSON of ``inputs``, in which modules are told by
their code and not by their names; two steps with equal inputs are one step.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.common.arithmetic import in_use
from bench.common.files import sha256_of
from bench.common.fingerprint import changed_modules, fingerprint, module_of
from bench.common.records import Frozen
from bench.config import Preset, StageConfig
from bench.media.resampling import BACKENDS, backend_inputs
from bench.pipeline.provenance import libraries_of_keys

if TYPE_CHECKING:
    from bench.dataset.reader import Dataset

IMPORT = "import"  # the step that such an entry stands for

FIX = "bench fsck --fix"  # for a step of which no command is known
KEY_LENGTH = 32  # hex digits of the SHA-256 that name a folder
HASHES = re.compile("[0-9a-f]{64}|[0-9a-f]{32}(-[0-9a-f]{32})?")
# do not change a result, so they are no part of a key
RECORD_ONLY = ("checkpoint_every",)


def key_of(inputs: Any) -> str:
    """The key of a step with these inputs: the name of its folder in the cache.

    Modules are named in them for people alone. Of the code the key has the set of hashes, of a
    method its class and the hash of its module: what is moved or renamed is not computed again.
    """
    if isinstance(inputs, dict) and isinstance(code := inputs.get("code", {}), dict):
        module, _, name = str(inputs.get("method", "")).partition(":")
        method = [code.get(module, ""), name]
        inputs = {**inputs, "code": sorted(set(map(str, code.values()))), "method": method}
    return sha256_of(inputs)[:KEY_LENGTH]


@dataclass(frozen=True)
class RunSpec:
    """One seed of one method on one dataset with one preset."""

    method: str  # short name
    reference: str  # module:Class
    dataset: str
    data_root: Path
    seed: int
    preset: Preset
    stages: tuple[str, ...]
    device: str  # "cpu" | "cuda"
    variant: str = "default"
    # how a command line names it; where nothing but this makes it, the whole command
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One unit of cached work."""

    name: str  # "train/<stage>" | "import" | "predict" | "evaluate" | "oracle"
    run: RunSpec
    inputs: dict[str, Any]
    parent: "Step | None" = None

    @cached_property
    def key(self) -> str:
        """The name of its folder in the cache."""
        return key_of(self.inputs)

    @property
    def stage(self) -> str | None:
        """The stage of a train step."""
        return self.name.partition("/")[2] or None

    @property
    def kind(self) -> str:
        """The command that ends with it: train, predict, evaluate; or import."""
        kind = self.name.partition("/")[0]
        return "evaluate" if kind == "oracle" else kind

    @property
    def again(self) -> str:
        """The command that does this step again, whatever is cached of it."""
        run = self.run
        if run.words[:1] in ((), ("bench",)):
            return shlex.join(run.words) or FIX
        verb = "run" if "--ablation" in run.words else self.kind  # only this one knows ablations
        words = ["bench", verb, *run.words, "--dataset", run.dataset, "--seed", str(run.seed)]
        return shlex.join([*words, "--force"])

    def ancestors(self) -> list["Step"]:
        """Parents, nearest first."""
        return [] if self.parent is None else [self.parent, *self.parent.ancestors()]


def run_without_preset(
    method: str,
    reference: str,
    dataset: str,
    data_root: Path,
    variant: str = "default",
    words: tuple[str, ...] = (),
) -> RunSpec:
    """A run that trains nothing: of the oracle, or of weights that were trained elsewhere."""
    return RunSpec(
        method=method,
        reference=reference,
        dataset=dataset,
        data_root=data_root.resolve(),
        seed=0,
        preset=Preset(model=Frozen(), train={}),
        stages=(),
        device="cpu",
        variant=variant,
        words=words,
    )


def plan_run(run: RunSpec, dataset: "Dataset") -> list[Step]:
    """The steps of a run in the order they must be done; the last one is ``evaluate``."""
    steps: list[Step] = []
    for stage in run.stages:
        steps.append(_train_step(run, dataset, stage, steps[-1] if steps else None))
    steps.append(_predict_step(run, dataset, steps[-1]))
    steps.append(_evaluate_step(run, dataset, steps[-1]))
    return steps


def plan_imported(run: RunSpec, dataset: "Dataset", imported: Step) -> list[Step]:
    """The steps after an import, which is done before anything is planned."""
    predict = _predict_step(run, dataset, imported)
    return [predict, _evaluate_step(run, dataset, predict)]


def plan_oracle(run: RunSpec, dataset: "Dataset") -> Step:
    """The step that scores another take of each sentence as if it were a prediction."""
    splits = tuple(dict.fromkeys(clip.split for clip in dataset.shown_clips()))
    inputs = {
        "step": "oracle",
        "arithmetic": in_use(),
        "data": dataset.clips_hash(splits),
        "code": fingerprint(["bench.evaluation.oracle"]),
        "libraries": libraries_of_keys(),
    }
    return Step("oracle", run, inputs)


def model_config_of(preset: Preset, stages: Sequence[str], stage: str) -> dict[str, Any]:
    """The part of the model's config that a stage's weights depend on (bench/method.py's rules)."""
    others = {s for s in stages if s != stage} | {"sampling"}
    return {k: v for k, v in preset.model.model_dump(mode="json").items() if k not in others}


def difference(new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    """Lists what differs between the inputs of two steps, one line each.

    Of the code: the modules that were edited, but none that were only moved.
    """
    edited = changed_modules(new.get("code", {}), old.get("code", {}))
    after, before = (
        dict(_flatten({**inputs, "code": {m: inputs.get("code", {}).get(m) for m in edited}}))
        for inputs in (new, old)
    )
    lines = []
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            lines.append(f"{name}: {_shown(before.get(name))} -> {_shown(after.get(name))}")
    return lines


def _shown(value: Any) -> str:
    """A value in a line; of a hash, enough to tell it from another."""
    text = "(absent)" if value is None else str(value)
    return re.sub("([0-9a-f]{12})[0-9a-f]{20,52}", r"\1", text) if HASHES.fullmatch(text) else text


def _code_that_hears(roots: Iterable[str]) -> dict[str, Any]:
    """The fingerprint of code that hears speech and the versions of its libraries, with the sound
    library that it hears by, where that is not the reference."""
    asked_for = backend_inputs()
    libraries = [BACKENDS[name] for name in asked_for.values()]
    code = fingerprint([*roots, *libraries])
    return {"code": code, "libraries": libraries_of_keys(), **asked_for}


def _train_step(run: RunSpec, dataset: "Dataset", stage: str, parent: Step | None) -> Step:
    inputs = {
        "step": f"train/{stage}",
        "arithmetic": in_use(),
        "method": run.reference,
        "seed": run.seed,
        "device": run.device,
        "model": model_config_of(run.preset, run.stages, stage),
        "train": run.preset.train[stage].model_dump(mode="json", exclude=set(RECORD_ONLY)),
        "data": dataset.clips_hash(("train", "val")),
        "parent": parent.key if parent else None,
        **_code_that_hears([module_of(run.reference), "bench.training.loop"]),
    }
    return Step(f"train/{stage}", run, inputs, parent)


def _predict_step(run: RunSpec, dataset: "Dataset", parent: Step) -> Step:
    # predictions are scored while they are there: metrics are part of the step
    code = [module_of(run.reference), "bench.evaluation.drawn"]
    inputs = {
        "step": "predict",
        "arithmetic": in_use(),
        "model": run.preset.model.model_dump(mode="json"),
        "predict": run.preset.predict.model_dump(mode="json"),
        "threads": threads_of(run),
        "seed": run.seed,
        "data": dataset.clips_hash(("test_a", "test_b")),
        "parent": parent.key,
        **_code_that_hears(code),
    }
    if parent.name == IMPORT:  # a trained parent's key has it already
        inputs["device"] = run.device
    return Step("predict", run, inputs, parent)


def _evaluate_step(run: RunSpec, dataset: "Dataset", parent: Step) -> Step:
    inputs = {
        "step": "evaluate",
        "arithmetic": in_use(),
        "data": dataset.clips_hash(("test_a", "test_b")),
        "code": fingerprint(["bench.evaluation.evaluate"]),
        "libraries": libraries_of_keys(),
        "parent": parent.key,
    }
    return Step("evaluate", run, inputs, parent)


def threads_of(run: RunSpec) -> int:
    """CPU threads of prediction: those of the last stage."""
    config: StageConfig = run.preset.train[run.stages[-1]]
    return config.threads


def _flatten(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(prefix, value)]
    pairs = []
    for name, inner in value.items():
        pairs += _flatten(inner, f"{prefix}.{name}" if prefix else name)
    return pairs


def nearest_change(record: dict, others: Sequence[dict]) -> list[str]:
    """Lists what differs from the nearest finished step of the same kind, method and dataset."""
    kind = ("method", "dataset", "step")
    same = [r for r in others if r["status"] == "done" and all(r[k] == record[k] for k in kind)]
    changes = [difference(record["inputs"], other["inputs"]) for other in same]
    return min(filter(None, changes), key=len, default=["nothing like it was run before"])


def unique(steps: Iterable[Step]) -> list[Step]:
    """Each key once, in order."""
    return list({step.key: step for step in steps}.values())
