"""Golden numbers, the weights that they were made with, and datasets without a mesh.

Where the numbers come from, and the rule of the weights: tests/golden/README.md.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data import DatasetSpec

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def make_spec():
    """make_spec(fps, num_vertices, num_styles)"""
    return _make_spec


@pytest.fixture(scope="session")
def rule_weights():
    """rule_weights({published name: shape}) -> {published name: tensor}"""
    return lambda shapes: {name: _rule_weight(name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def seeded():
    """seeded(seed, *shape): numpy's standard normals as a float32 tensor"""
    return lambda seed, *shape: torch.from_numpy(
        np.random.RandomState(seed).standard_normal(shape).astype(np.float32)
    )


@pytest.fixture(scope="session")
def load_golden():
    """load_golden(stem) -> (arrays as tensors, state dict under sd/, meta)"""
    return _load_golden


def _make_spec(fps, num_vertices, num_styles):
    return DatasetSpec(
        name="published",
        fps=fps,
        unit="m",
        faces=torch.tensor([[0, 1, 2]]),
        template=torch.zeros(num_vertices, 3),
        masks={},
        styles=tuple(f"S{k}" for k in range(num_styles)),
    )


def _rule_weight(name, shape):
    normal = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if name.endswith("weight_g"):
        normal = 3 + 0.1 * normal
    elif name.endswith("weight_v"):
        pass
    elif "norm" in name and name.endswith("weight"):
        normal = 1 + 0.1 * normal
    elif name.endswith("bias") or "bias_" in name:
        normal = 0.05 * normal
    elif name.endswith(("quantize.embedding.weight", "style_emb.weight", "masked_spec_embed")):
        normal = 0.5 * normal
    else:
        normal = normal / np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(normal.astype(np.float32))


def _load_golden(stem):
    with np.load(GOLDEN / f"{stem}.npz", allow_pickle=False) as golden:
        stored = {name: golden[name] for name in golden.files}
    meta = json.loads(str(stored.pop("meta", "{}")))
    tensors = {name: torch.from_numpy(value) for name, value in stored.items()}
    weights = {n.removeprefix("sd/"): v for n, v in tensors.items() if n.startswith("sd/")}
    arrays = {n: v for n, v in tensors.items() if not n.startswith("sd/")}
    return arrays, weights, meta
