"""Generate the dataset: audio, motion and heads in the canonical layout of a prepared dataset.

    python datasets/people/prepare.py --out data/people

The same arguments give the same bytes. Motion is written as weights of face units, shared by all
speakers, so that a head of any size stays small on disk and is expanded clip by clip.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

# words, phonemes, the synthesiser and tracks in time are those of the older generated dataset
sys.path.append(str(Path(__file__).resolve().parent / "performance"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "synthetic"))

import bench  # noqa: F401  # first: it tells numpy how to compute

# isort: split
from anatomy import SIZES
from corpus import generate
from facts import fingerprint
from plan import EXPECTED_FILE, EXPECTED_SEED, Plan, read_expected, read_plan, write_expected
from timing import SAMPLE_RATE


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 when the dataset was written, 1 with a line on stderr when not."""
    plan = read_plan()
    options = _parser(plan).parse_args(arguments)
    try:
        manifest = generate(
            options.out, plan, size=options.vertices, seed=options.seed, name=options.name
        )
        if options.write_expected:
            write_expected(manifest)
    except ValueError as error:
        print(f"prepare.py: {error}", file=sys.stderr)
        return 1
    _report(options.out, manifest)
    return 0


def _parser(plan: Plan) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Generate the embedded dataset of people.")
    parser.add_argument("--out", type=Path, default=Path("data") / plan.name)
    parser.add_argument("--vertices", default="small", choices=SIZES, help="size of the head")
    parser.add_argument("--seed", type=int, default=EXPECTED_SEED, help="of voices and manners")
    parser.add_argument("--name", default=plan.name, help="what the dataset calls itself")
    parser.add_argument(
        "--write-expected",
        action="store_true",
        help=f"store the hashes of this dataset in {EXPECTED_FILE.name}, after a wanted change",
    )
    return parser


def _report(out: Path, manifest: dict[str, Any]) -> None:
    """Say what was written, and whether it is bit for bit what every machine should get."""
    clips = manifest["clips"]
    seconds = sum(clip["samples"] for clip in clips if clip["take"] == 0) / SAMPLE_RATE
    print(
        f"{out}: {len(clips)} generated clips, {seconds:.0f} s of audio, "
        f"{manifest['num_vertices']} vertices"
    )
    if manifest["generator"]["seed"] == EXPECTED_SEED and fingerprint(manifest) != read_expected():
        print(
            f"prepare.py: warning: audio or motion differ from {EXPECTED_FILE.name}; "
            "scores on this data are not those of other machines",
            file=sys.stderr,
        )


if __name__ == "__main__":
    sys.exit(main())
