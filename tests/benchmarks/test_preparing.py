"""The benchmark of preparing, on two sequences of three frames."""

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "preparing.py"


def test_it_measures_the_command_and_leaves_nothing_behind(tmp_path: Path) -> None:
    options = ["--clips", "2", "--frames", "3", "--workers", "1", "--folder", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *options], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 sequences, 3 frames, 23370 vertices")
    workers, seconds, rate, together, largest = re.findall(r"[\d.]+", done.stdout)[-5:]
    assert workers == "1" and 0 < float(seconds) < 100
    assert float(rate) > 0 and float(largest) > 20 and float(together) > 20
    assert list(tmp_path.iterdir()) == []
