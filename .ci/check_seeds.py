"""After `make repro`: the seeds of every trained row lie close together on validation clips."""

import sys
from pathlib import Path

from bench.checks.seeds import MOST_APART, spread, validation_lves
from bench.pipeline.planner import Choice, Session
from bench.registry.rows import Registry
from methods import METHODS
from reports.inputs.results import all_rows, read_ablations, read_datasets
from reports.text.labels import is_trained, row_of

RESULTS = Path("results")

session = Session(Choice(device="cpu"), Registry(METHODS))
ablations = read_ablations(RESULTS)
apart = 0
for name, rows in read_datasets(RESULTS).items():
    for results in filter(is_trained, all_rows(rows, ablations.get(name, ()))):
        lves = validation_lves(results, session)
        if len(lves) < 2:
            continue
        line = f"{row_of(results)} on {name}: seeds {spread(lves.values()):.0%} apart on validation"
        scale = (results.unit_to_mm or 1.0) ** 2
        values = ", ".join(f"seed {seed}: {value * scale:.3g}" for seed, value in lves.items())
        print(f"{line} ({values})", flush=True)
        apart += spread(lves.values()) > MOST_APART
print(f"{apart} rows more than {MOST_APART:.0%} apart")
sys.exit(1 if apart else 0)
