"""Every method, every seed: nothing failed, and every trained method passes its lines.

Exits with the lines that do not hold. Run it from the repository's root after `make repro`.
"""

import sys
from pathlib import Path

from bench.results import MethodResults, read_results

TRAINED = ("faceformer", "gldi")


def main() -> int:
    folder = Path("results/synthetic")
    results = {
        path.stem: read_results(path)
        for path in sorted(folder.glob("*.json"))
        if not path.name.endswith(".metrics.json")
    }
    problems = [f"{name}: {p}" for name, r in results.items() for p in failures(r)]
    for name in TRAINED:
        problems += [f"{name}: {p}" for p in lines_missed(results, name)]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(results)} rows, {len(problems)} problems")
    return 1 if problems else 0


def failures(result: MethodResults) -> list[str]:
    """Runs that are not done."""
    return [f"seed {r.seed}: {r.status}: {r.reason}" for r in result.runs if r.status != "done"]


def lines_missed(results: dict[str, MethodResults], name: str) -> list[str]:
    """The lines of the README that a trained method's seeds do not pass on test_a."""
    floor = min(value(results[f], 0, "lve") for f in ("template", "mean"))
    missed = []
    for index, run in enumerate(results[name].runs):
        heat, listening = run.heatmap, run.listening
        diversity = value(results[name], index, "diversity")
        lively = (
            diversity == 0
            if results[name].deterministic
            else (diversity >= 100 * results[name].numerical_floor)
        )
        checks = {
            "LVE <= 0.6 x floor": value(results[name], index, "lve") <= 0.6 * floor,
            "LVE with other audio >= 1.3 x own": bool(listening and (listening.ratio or 0) >= 1.3),
            "lip-opening r >= 0.7": value(results[name], index, "mouth_opening_correlation") >= 0.7,
            "diversity": lively,
            "mouth share within 15 points": bool(
                heat and abs((heat.mouth_share or 0) - (heat.ground_truth_mouth_share or 0)) <= 0.15
            ),
            "std map r >= 0.7": bool(heat and (heat.correlation or 0) >= 0.7),
        }
        missed += [f"seed {run.seed}: {line}" for line, holds in checks.items() if not holds]
    return missed


def value(result: MethodResults, index: int, metric: str) -> float:
    """A test_a score; NaN where it is missing, so that no line passes by accident."""
    split = result.runs[index].splits.get("test_a")
    found = split.metrics[metric].value if split else None
    return float("nan") if found is None else found


if __name__ == "__main__":
    sys.exit(main())
