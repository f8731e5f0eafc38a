"""Which steps each edit of a file would redo; runs in a working copy (see repository.Copy).

Reads {"rows": [row], "edits": {name: [path, old, new]}} and prints {name: [[row, step]]}. Torch is
imported once: every plan is made in a fork, which has read no source of the project yet.
"""

import json
import sys
from multiprocessing import get_context
from pathlib import Path

import methods.layers.speech  # noqa: F401  torch and transformers, seconds of every plan
from bench.cli.options import registry
from bench.pipeline.planner import Choice, Session


def to_do(rows: list[str]) -> list[tuple[str, str]]:
    """(row, step) of everything that is not cached."""
    session = Session(Choice(), registry())
    plans = [session.plan(row, "synthetic", session.profile.seeds) for row in rows]
    return [
        (plan.row, step.name)
        for plan in plans
        for step in plan.steps
        if not session.cache.is_done(step.key)
    ]


def main() -> None:
    """Make each edit, plan, and undo it."""
    asked, found = json.load(sys.stdin), {}
    with get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        for name, (path, old, new) in asked["edits"].items():
            file = Path(path)
            before = file.read_text()
            assert old in before, f"{path} has no {old!r}: adapt this test"
            file.write_text(before.replace(old, new, 1))
            try:
                found[name] = pool.apply(to_do, (asked["rows"],))
            finally:
                file.write_text(before)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
