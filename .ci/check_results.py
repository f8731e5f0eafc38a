"""After `make repro`: no run failed, and every trained method meets every line, every seed."""

import sys
from pathlib import Path

from reports.checks import problems
from reports.inputs import read_datasets

found = [line for dataset in read_datasets(Path("results")).values() for line in problems(dataset)]
print(*found, sep="\n", file=sys.stderr)
print(f"{len(found)} problems")
sys.exit(1 if found else 0)
