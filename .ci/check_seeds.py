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
        scale = (results.unit_to_mm or 1.0) ** 2
        unit = "mm" if results.unit_to_mm else results.unit
        values = ", ".join(f"seed {seed} {lve * scale:.3g}" for seed, lve in lves.items())
        share = spread(lves.values())
        print(
            f"{row_of(results)} on {name}: {share:.0%} apart; LVE in {unit}^2: {values}", flush=True
        )
        apart += share > MOST_APART
print(f"{apart} rows whose seeds lie more than {MOST_APART:.0%} apart on validation")
sys.exit(1 if apart else 0)
