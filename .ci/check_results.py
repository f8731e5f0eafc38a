"""After `make repro`: no run failed, and every trained method meets every line, every seed."""

import sys
from pathlib import Path

from reports.inputs.results import read_ablations, read_datasets
from reports.tabular.checks import ablation_problems, problems

RESULTS = Path("results")

found = [line for dataset in read_datasets(RESULTS).values() for line in problems(dataset)]
found += [
    line for ablations in read_ablations(RESULTS).values() for line in ablation_problems(ablations)
]
print(*found, sep="\n", file=sys.stderr)
print(f"{len(found)} problems")
sys.exit(1 if found else 0)
