"""Small fabricated results: numbers made up here, to see them again in tables and pages."""

import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.registry.facts import OF_ORACLE, facts_of
from bench.results import (
    AblationResults,
    AblationRow,
    ClipScore,
    Codebook,
    EpochCodes,
    Heatmap,
    Listening,
    MethodFacts,
    MethodResults,
    MetricScore,
    RunResult,
    SplitScores,
    write_results,
)
from methods import METHODS

sys.path.insert(0, str(Path(__file__).parent / "helpers"))
from browsing import browser, chromium, grave  # noqa: E402, F401

SUBJECTS = ("F1", "F2", "F3", "M1", "M2", "M3")
UNSEEN = ("F4", "M4")
LVE = {
    "template": 36e-6,
    "mean": 30e-6,
    "ridge": 14e-6,
    "faceformer": 11.5e-6,
    "gldi": 9.25e-6,
    "oracle": 4.5e-6,
}
DIVERSITY = {"gldi": 3.2e-4, "oracle": 4.1e-4}


def metric(
    value: float | None,
    frames: bool = False,
    subjects: tuple[str, ...] = SUBJECTS,
    styles: tuple[str, ...] = (),
) -> MetricScore:
    """A pooled value with two clips per subject, in one or all styles, that scatter around it."""
    if value is None:
        return MetricScore(value=None, clips=())
    clips = []
    for i, subject in enumerate(subjects):
        for sentence, (j, style) in product((7, 8), enumerate(styles or (subject,))):
            weight = float(60 + i) if frames else 1.0
            clips.append(
                ClipScore(
                    clip=f"{subject}_{sentence:02d}",
                    subject=subject,
                    style=style,
                    total=value * (1 + 0.02 * (i - 2.5) + 0.1 * j) * weight,
                    weight=weight,
                )
            )
    return MetricScore(value=value, clips=tuple(clips))


def unseen_split(values: dict[str, float | None]) -> SplitScores:
    """test_b: 1.2 times these values over all styles, and 0.9 times with each clip's best style."""
    return SplitScores(
        conditioning="all training styles",
        frames_scored=1680,
        frames_cut=6,
        metrics={
            name: metric(value and 1.2 * value, name in ("lve", "mve"), UNSEEN, SUBJECTS)
            for name, value in values.items()
        },
        best_style={name: value and 0.9 * value for name, value in values.items()},
    )


def done(method: str, seed: int, **changes: Any) -> RunResult:
    """A finished run; seeds differ by 2 %, unless the method has nothing to draw."""
    wobble = 1.0 if method in ("template", "mean", "ridge", "oracle") else 1 + 0.02 * (seed - 1)
    lve = LVE[method] * wobble
    values = {
        "fdd": 0.02 * lve,
        "fdd_abs": 0.03 * lve,
        "diversity": DIVERSITY.get(method, 0.0) * wobble,
        "mouth_opening_correlation": None if method == "template" else 0.9 - 0.01 * seed,
    }
    metrics = {"lve": metric(lve, frames=True)} | {k: metric(v) for k, v in values.items()}
    splits = {
        "test_a": SplitScores(
            conditioning="own style", frames_scored=783, frames_cut=0, metrics=metrics
        )
    }
    if method != "oracle":
        single = {name: value for name, value in values.items() if name != "diversity"}
        splits["test_b"] = unseen_split({"lve": lve, "mve": lve**0.5 / 3} | single)
    ratio = 1.0 if method in ("template", "mean", "oracle") else 2.0
    document: dict[str, Any] = {
        "seed": seed,
        "status": "done",
        "keys": {"predict": f"{method}-{seed}-predict", "evaluate": f"{method}-{seed}-evaluate"},
        "num_samples": 10,
        "splits": splits,
        "listening": Listening(own=lve, other=ratio * lve, ratio=ratio),
        "heatmap": None
        if method == "template"
        else Heatmap(mouth_share=0.66, ground_truth_mouth_share=0.71, correlation=0.93),
    }
    return RunResult(**(document | changes))


def failed(seed: int, reason: str = "the loss is not finite at step 120") -> RunResult:
    """A run that ended with an error."""
    return RunResult(seed=seed, status="failed", reason=reason, keys={"train/main": f"dead-{seed}"})


FACTS = {name: facts_of(reference) for name, reference in METHODS.items()} | {"oracle": OF_ORACLE}


def method_results(method: str, runs: tuple[RunResult, ...], **changes: Any) -> MethodResults:
    """Results of a method on a dataset called synthetic, in metres."""
    encoders = {"template": "none", "mean": "none", "oracle": "none", "ridge": "log-mel"}
    document: dict[str, Any] = {
        "dataset": "synthetic",
        "method": method,
        "facts": FACTS.get(method, MethodFacts()),
        "profile": "mini",
        "generated": True,
        "unit": "m",
        "unit_to_mm": 1000.0,
        "deterministic": method not in ("gldi", "oracle"),
        "speech_encoder": encoders.get(method, "mel-HuBERT, random weights, frozen"),
        "masks": {"mouth": "ab" * 32, "upper_face": "cd" * 32},
        "mask_origins": {"mouth": "procedural: a box", "upper_face": "procedural: another box"},
        "mask_sizes": {"mouth": 328, "upper_face": 447},
        "metric_versions": {"lve": 1, "fdd": 1, "diversity": 1},
        "numerical_floor": 3.1e-9,
        "versions": {"python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.6"},
        "runs": runs,
    }
    return MethodResults(**(document | changes))


def fabricate(root: Path, changes: dict[str, MethodResults] | None = None) -> Path:
    """Write results of all methods under ``root``, and return it; ``changes`` are other rows."""
    for method in LVE:
        seeds = (0,) if method in ("template", "mean", "ridge", "oracle") else (0, 1, 2)
        results = method_results(method, tuple(done(method, seed) for seed in seeds))
        results = (changes or {}).get(method, results)
        write_results(root / results.dataset / f"{method}.json", results)
    for row in (changes or {}).keys() - LVE.keys():
        results = (changes or {})[row]
        write_results(root / results.dataset / f"{row}.json", results)
    return root


def codebook(perplexity: float = 41.0, **changes: Any) -> Codebook:
    """A codebook of 64 entries that was used more and more, by default well."""
    shares = {epoch: perplexity * (0.5 + 0.1 * epoch) for epoch in range(1, 6)}
    epochs = tuple(EpochCodes(epoch=i, usage=0.9, perplexity=p) for i, p in shares.items())
    validation = {"loss": 0.5, "vertex_error": 4.2e-4, "latent_std": 0.83}
    document: dict[str, Any] = {
        "size": 64,
        "usage": 0.875,
        "perplexity": perplexity,
        "validation": validation,
        "epochs": epochs,
    }
    return Codebook(**(document | changes))


def coded(method: str, seed: int, perplexity: float = 41.0, name: str = "") -> RunResult:
    """A finished run with a codebook, trained under the name of a row of its own."""
    steps = {"train/stage1": "stage1", "predict": "predict", "evaluate": "evaluate"}
    keys = {step: f"{name or method}-{seed}-{key}" for step, key in steps.items()}
    return done(method, seed, keys=keys, codebooks={"stage1": codebook(perplexity)})


KERNEL = {
    "k5-d1-l4": "kernel5_dilation1_layers4",
    "k9-d1-l2": "kernel9_dilation1_layers2",
    "k9-d2-l4": "kernel9_dilation2_layers4",
}
"""Variants of the ablation of fabricate_ablation, and the paper's row of each."""


def ablation(other: dict[str, MethodResults] | None = None, **changes: Any) -> AblationResults:
    """Table 4 with three rows, of which k9-d2-l4 is Table 1's GLDiTalker; k5-d1-l4 is worse."""
    made = {}
    for variant in KERNEL:
        name = "gldi" if variant == "k9-d2-l4" else variant
        worse = "faceformer" if variant == "k5-d1-l4" else "gldi"  # whose scores it has
        runs = tuple(coded(worse, seed, name=name) for seed in (0, 1, 2))
        made[variant] = method_results("gldi", runs, variant=variant)
    document: dict[str, Any] = {
        "dataset": "synthetic",
        "method": "gldi",
        "name": "kernel",
        "description": "kernel size, dilation and layers of the spiral encoder",
        "paper": "table4",
        "reference": "k9-d2-l4",
        "rows": tuple(
            AblationRow(
                variant=variant,
                label=f"row {variant}",
                remark="the model of Table 1" if variant == "k9-d2-l4" else "",
                paper=KERNEL.get(variant, ""),
                results=results,
            )
            for variant, results in (made | (other or {})).items()
        ),
    }
    return AblationResults(**(document | changes))


def write_ablation(root: Path, results: AblationResults) -> Path:
    """Write an ablation under ``root``; returns its path."""
    path = root / results.dataset / "ablations" / f"{results.method}-{results.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_results(path, results)
    return path


def write_lip_errors(path: Path, **changes: Any) -> Path:
    """Bumps that are higher for worse rows; three seeds where a row has them."""
    time = np.linspace(0, 9, 90)
    arrays: dict[str, Any] = {"clip_name": np.array("F1_07"), "fps": np.array(30.0)}
    for name, lve in LVE.items():
        seeds = 3 if name in ("faceformer", "gldi") else 1
        bumps = lve * (1.1 + np.sin(2 * time + lve * 1e6))
        arrays[name] = np.stack([bumps * (1 + 0.05 * seed) for seed in range(seeds)])
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **(arrays | changes))
    return path


def write_heatmaps(path: Path, **changes: Any) -> Path:
    """Maps of every method on a bumpy square of 15 x 15 vertices with a hole in it."""
    side = np.linspace(-1, 1, 15)
    x, y = (axis.ravel() for axis in np.meshgrid(side, side))
    vertices = np.stack([x, y, 0.4 * np.exp(-(x**2) - y**2)], axis=1).astype(np.float32) * 0.1
    corner = np.arange(14 * 14) // 14 * 15 + np.arange(14 * 14) % 14
    corner = corner[corner != 9 * 15 + 4]
    lower = np.stack([corner, corner + 1, corner + 16], axis=1)
    upper = np.stack([corner, corner + 16, corner + 15], axis=1)
    motion = np.exp(-4 * (x**2 + (y + 0.4) ** 2)) * 2e-3
    arrays: dict[str, Any] = {
        "reference": vertices,
        "faces": np.concatenate([lower, upper]).astype(np.int32),
        "clip_name": np.array("F1_07"),
    }
    for i, name in enumerate(["ground_truth", *LVE]):
        arrays[name] = motion * (1 - 0.1 * i)
        arrays[f"clip/{name}"] = motion * (1.2 - 0.1 * i)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **(arrays | changes))
    return path


def complete(root: Path) -> Path:
    """Results of all methods, arrays for figures, and an ablation; returns the root."""
    write_heatmaps(root / "synthetic" / "heatmaps.npz")
    write_lip_errors(root / "synthetic" / "lip_error.npz")
    write_ablation(root, ablation())
    gldi = method_results("gldi", tuple(coded("gldi", seed) for seed in (0, 1, 2)))
    return fabricate(root, {"gldi": gldi})


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The functions of this file, for tests that fabricate other results."""
    results = (done, failed, metric, method_results, fabricate, codebook, coded, ablation)
    written = (write_ablation, write_lip_errors, write_heatmaps)
    return SimpleNamespace(LVE=LVE, **{each.__name__: each for each in (*results, *written)})


@pytest.fixture(scope="session")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Figures of a results folder with every method and an ablation finished, drawn once."""
    from reports.figures import build_figures

    folder = tmp_path_factory.mktemp("figures")
    root = complete(folder / "results")
    build_figures(root, folder / "figures")
    return folder / "figures"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with every method finished, arrays for figures, and an ablation."""
    return complete(tmp_path / "results")
