"""Generate the dataset: audio, motion and heads in the canonical layout of a prepared dataset.

    python datasets/synthetic/prepare.py --out data/synthetic

The same arguments give the same bytes. Motion is written as coefficients and one basis per
subject, so that a head of any size stays small on disk and is expanded clip by clip.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from facts import (
    EXPECTED_FILE,
    EXPECTED_SEED,
    Facts,
    fingerprint,
    read_expected,
    read_facts,
    write_expected,
)
from generate import generate
from timing import SAMPLE_RATE


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 when the dataset was written, 1 with a line on stderr when not."""
    facts = read_facts()
    options = _parser(facts).parse_args(arguments)
    try:
        manifest = generate(
            options.out,
            facts,
            num_vertices=_num_vertices(options.vertices, facts),
            seed=options.seed,
            name=options.name,
        )
        if options.write_expected:
            write_expected(manifest)
    except ValueError as error:
        print(f"prepare.py: {error}", file=sys.stderr)
        return 1
    _report(options.out, manifest)
    return 0


def _parser(facts: Facts) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Generate the embedded dataset.")
    parser.add_argument("--out", type=Path, default=Path("data") / facts.name)
    sizes = ", ".join(f"{name} = {size}" for name, size in facts.sizes.items())
    parser.add_argument("--vertices", default="mini", help=f"a number, or a name: {sizes}")
    parser.add_argument("--seed", type=int, default=EXPECTED_SEED, help="of the whole population")
    parser.add_argument("--name", default=facts.name, help="what the dataset calls itself")
    parser.add_argument(
        "--write-expected",
        action="store_true",
        help=f"store the hashes of this dataset in {EXPECTED_FILE.name}, after a wanted change",
    )
    return parser


def _num_vertices(text: str, facts: Facts) -> int:
    """A number of vertices from a number or the name of a size."""
    if text in facts.sizes:
        return facts.sizes[text]
    if not text.isdecimal():
        raise ValueError(f"--vertices takes a number or one of {sorted(facts.sizes)}, got {text!r}")
    return int(text)


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
