"""Presets: what a method, its training and its sampling look like, as frozen models.

A preset is a YAML file beside the method's code, ``<dataset>-<profile>.yaml``, with three sections:
``model`` (the method's own config), ``train`` (one StageConfig per stage) and ``predict``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from bench.common.errors import unknown
from bench.common.records import Frozen, read_yaml


class SpeechInput(Frozen):
    """Base of the config section that says what a method hears; every table row names it."""

    @property
    def label(self) -> str:
        """A few words: the encoder, whether it is pre-trained, whether it is frozen."""
        raise TypeError(f"{type(self).__name__} must define label")


def speech_label(config: BaseModel) -> str:
    """The label of the config's SpeechInput, at any depth; "none" for a method without one."""
    if isinstance(config, SpeechInput):
        return config.label
    for name in type(config).model_fields:
        value = config.__dict__[name]
        if isinstance(value, BaseModel) and (label := speech_label(value)) != "none":
            return label
    return "none"


class StageConfig(Frozen):
    """Says how one stage is optimised."""

    steps: int | None = Field(None, ge=0)  # optimiser steps; this or epochs
    epochs: int | None = Field(None, ge=0)
    batch_size: int = Field(1, ge=1)  # clips or windows in a batch
    # batches whose mean gradient makes one step; steps, epochs and schedules count steps
    accumulate: int = Field(1, ge=1)
    batches: Literal["shuffled", "length"] = "shuffled"  # length: of clips of about one length
    window: Literal["clip", "pairs"] | int = "clip"  # frames per training item; pairs: two frames
    optimizer: Literal["adam", "adamw"] = "adam"
    lr: float = Field(1e-4, gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    schedule: Literal["constant", "step", "cosine"] = "constant"  # bench/training/optimizer.py
    warmup_steps: int = Field(0, ge=0)  # linear, from 0 to lr
    step_size: int | None = Field(None, ge=1)  # of schedule step: epochs if epochs, else steps
    gamma: float = 0.5  # of schedule step
    clip_grad_norm: float | None = Field(None, gt=0)
    # moving average of the weights, used to validate and to predict (bench/training/optimizer.py)
    ema: float | None = Field(None, gt=0, lt=1)
    precision: Literal["float32", "bfloat16"] = "float32"  # of the loss's products
    compile: bool = False  # torch.compile of the loss
    validate_every: int = Field(100, ge=1)  # steps
    checkpoint_every: int = Field(100, ge=1)  # steps
    log_every: int = Field(10, ge=1)  # steps averaged into one point of the loss curve
    threads: int = Field(1, ge=1)  # CPU threads; part of the cache key: sums depend on it

    @model_validator(mode="after")
    def _consistent(self) -> "StageConfig":
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("expected exactly one of steps and epochs")
        if self.schedule == "step" and self.step_size is None:
            raise ValueError("schedule step needs step_size")
        if isinstance(self.window, int) and self.window < 1:
            raise ValueError(f"window must be at least one frame, got {self.window}")
        if self.batches == "length" and self.window != "clip":
            raise ValueError("batches: length needs window: clip; windows have one length")
        return self

    def num_steps(self, num_clips: int) -> int:
        """Optimiser steps of the whole stage, for a training split of ``num_clips`` clips."""
        if self.steps is not None:
            return self.steps
        return (self.epochs or 0) * self.steps_per_epoch(num_clips)

    def steps_per_epoch(self, num_clips: int) -> int:
        """Steps that see every clip once; the last one may see fewer clips than the others."""
        return -(-self.batches_per_epoch(num_clips) // self.accumulate)

    def batches_per_epoch(self, num_clips: int) -> int:
        """Batches that hold every clip once; one of them may be smaller than the others."""
        return -(-num_clips // self.batch_size)


class PredictConfig(Frozen):
    """Says how the test clips are sampled."""

    num_samples: int = Field(10, ge=1)  # draws per test_a clip; a deterministic method needs one
    # true: this preset's sampling draws nothing, which is checked; None: as the method's class says
    deterministic: bool | None = None


class Preset(Frozen):
    """A resolved preset; ``model`` is validated by the method's own config type."""

    model: Any
    train: dict[str, StageConfig]
    predict: PredictConfig = PredictConfig()


def load_preset(
    path: Path, config_type: type[BaseModel], stages: Sequence[str], overrides: Sequence[str] = ()
) -> Preset:
    """Read a preset, apply ``section.key=value`` overrides and check every key.

    ``train.lr=1e-4`` sets the key of every stage, ``train.<stage>.lr=1e-4`` of one.
    Raises ValueError with one line: the file, the key, what was expected and what came.
    """
    raw = read_yaml(path)
    raw["model"], raw["train"] = raw.get("model") or {}, raw.get("train") or {}
    if not isinstance(raw["train"], dict):
        got = type(raw["train"]).__name__
        raise ValueError(f"{path}: train: expected a mapping of stages, got {got}")
    for override in overrides:
        _apply(raw, override, stages)
    if set(raw["train"]) != set(stages):
        raise ValueError(
            f"{path}: train has stages {sorted(raw['train'])}, the method has {list(stages)}"
        )
    try:
        model = config_type.model_validate(raw["model"])
        return Preset.model_validate({**raw, "model": model})
    except ValidationError as error:
        raise ValueError(f"{path}: {_first_problem(error, config_type)}") from error


def preset_path(folder: Path, dataset: str, profile: str, fallback: str | None = None) -> Path:
    """The preset of a method's folder for a dataset, or else for the dataset ``fallback``.

    Raises ValueError that lists the presets there are.
    """
    path = folder / f"{dataset}-{profile}.yaml"
    if fallback is not None and not path.exists():
        path = folder / f"{fallback}-{profile}.yaml"
    if not path.exists():
        known = sorted(p.stem for p in folder.glob("*-*.yaml"))
        raise unknown(f"preset of {folder.name}", path.stem, known)
    return path


def _apply(raw: dict[str, Any], override: str, stages: Sequence[str]) -> None:
    path, separator, text = override.partition("=")
    keys = path.strip().split(".")
    if not separator or len(keys) < 2 or not all(keys):
        raise ValueError(f"--set {override}: expected section.key=value, e.g. train.lr=1e-4")
    if keys[0] not in Preset.model_fields:
        raise unknown("section in --set", keys[0], Preset.model_fields)
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"--set {override}: {text!r} is not a value") from error
    targets = [keys]
    if keys[0] == "train" and keys[1] not in stages:
        targets = [["train", stage, *keys[1:]] for stage in stages]
    for *sections, last in targets:
        node = raw
        for section in sections:
            node = node.setdefault(section, {})
            if not isinstance(node, dict):
                raise ValueError(f"--set {override}: {section} is a value, not a section")
        if sections[0] == "train" and last in ("steps", "epochs"):
            node.pop("epochs" if last == "steps" else "steps", None)  # they exclude each other
        node[last] = value


def _first_problem(error: ValidationError, config_type: type[BaseModel]) -> str:
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"]) or "preset"
    if problem["type"] == "extra_forbidden":
        model: Any = config_type if error.title == config_type.__name__ else Preset
        known = _fields_at(model, problem["loc"][:-1])
        return f"{place}: {unknown('key', str(problem['loc'][-1]), known)}"
    got = f", got {problem['input']!r}" if not isinstance(problem["input"], dict) else ""
    return f"{place}: {problem['msg']}{got}"


def _fields_at(model: Any, place: tuple[int | str, ...]) -> list[str]:
    """The keys that are legal at a place inside a model, as far as annotations tell."""
    for part in place:
        fields = getattr(model, "model_fields", {})
        annotation: Any = fields[part].annotation if part in fields else _tagged(model, part)
        if getattr(annotation, "__origin__", None) is dict:
            annotation = annotation.__args__[1]
        model = annotation or StageConfig
    return list(getattr(model, "model_fields", StageConfig.model_fields))


def _tagged(union: Any, tag: int | str) -> Any:
    """The member of a discriminated union that a place names by its tag, or None."""
    for member in get_args(union):
        fields = getattr(member, "model_fields", {}).values()
        if any(tag in get_args(field.annotation) for field in fields):
            return member
    return None
