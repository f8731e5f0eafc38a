"""Health of stages that learn discrete codes, read from what training has logged.

A histogram called ``codes`` among a stage's loss terms is what makes it one
(bench/training/loop.py).
"""

from bench.common.files import output, read_json
from bench.pipeline.cache import Cache
from bench.results import Codebook, EpochCodes

USAGE, PERPLEXITY, SIZE = "codes_usage", "codes_perplexity", "codes_size"


def codebooks(cache: Cache, keys: dict[str, str]) -> dict[str, Codebook]:
    """Stage -> health, of the finished train steps among the keys of a run."""
    found = {}
    for step, key in keys.items():
        if step.startswith("train/") and cache.is_done(key):
            health = _of_curves(read_json(output(cache.folder(key), "curves.json")))
            if health is not None:
                found[step.removeprefix("train/")] = health
    return found


def _of_curves(curves: dict) -> Codebook | None:
    epochs = curves.get("epochs", [])
    if not (epochs and curves["validation"] and PERPLEXITY in curves["validation"][-1]):
        return None
    last = dict(curves["validation"][-1])
    last.pop("step")
    return Codebook(
        size=epochs[-1][SIZE],
        usage=last.pop(USAGE),
        perplexity=last.pop(PERPLEXITY),
        validation=last,
        epochs=tuple(
            EpochCodes(epoch=e["epoch"], usage=e[USAGE], perplexity=e[PERPLEXITY]) for e in epochs
        ),
    )
