"""A folder with small results, a table, a figure and a page, and a lock of what is installed."""

import pytest

from bench.common.files import write_arrays, write_json
from bench.verify.lock import installed, lock_of


def row(name, lve, dataset="synthetic", status="done", key="k"):
    """What a results file holds, as far as verifying looks at it."""
    runs = [
        {
            "seed": seed,
            "status": status,
            "keys": {"evaluate": f"{key}{seed}"},
            "splits": {"test_a": {"metrics": {"lve": {"value": lve * (seed + 1), "clips": [1.5]}}}},
        }
        for seed in (0, 1)
    ]
    return {"schema_version": 4, "dataset": dataset, "method": name, "profile": "mini"} | {
        "runs": runs
    }


def write_project(root):
    """Results of two methods on one dataset, and what reports make of them."""
    import numpy as np

    for name, lve in (("voca", 5e-6), ("gldi", 4e-6)):
        write_json(root / f"results/synthetic/{name}.json", row(name, lve))
        write_json(root / f"results/synthetic/{name}.metrics.json", {"lve": 2 * lve})
    write_arrays(root / "results/synthetic/heatmaps.npz", {"voca": np.array([0.1, -0.3])})
    for path, text in (
        ("reports/tables/table1.csv", "method,metric,mean,verdict\nvoca,lve,5e-06,worse\n"),
        ("reports/figures/bars.svg", "<svg/>"),
        ("reports/site/index.html", "<p>5.0</p>"),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    pins = [f"{name}=={version}\n" for name, version in lock_of(installed()).items()]
    (root / "requirements.lock").write_text("".join(pins))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The folder, which the commands are called from."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    return tmp_path
