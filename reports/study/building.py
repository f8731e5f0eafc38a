"""Makes a study: the page for participants, and the key for the experimenter."""

import base64
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.common.seeding import derive
from reports.study.records import Key, Stimulus, read_key, sealed, write_key
from reports.study.stimuli import Chosen, render_clip, shown_clips
from reports.text.grid import write_text
from reports.text.html import environment

HERE = Path(__file__).parent
PAGE, KEY = "questionnaire.html", "key.json"
SECONDS_PER_RATING = 9  # looking at the scales, choosing: our guess, for the time on the first page
SCRIPTS = ("order.js", "storage.js", "questionnaire.js")


@dataclass(frozen=True)
class Item:
    """A stimulus as the page has it."""

    id: str
    group: int  # equal for versions of one clip, so that they are not shown in a row
    video: str  # base64


def build_study(
    chosen: Sequence[Chosen], runs: Path, out: Path, seed: int, size: int
) -> tuple[Path, Key]:
    """Write ``questionnaire.html`` and ``key.json`` into ``out``; returns the page and the key.

    A key that is there gives the secret of the blinding again, so that the same study has the same
    bytes. Raises ValueError where the key is of another study: its answers could not be read.
    """
    if not 64 <= size <= 2048:
        raise ValueError(f"--size {size}: expected 64 to 2048 pixels")
    before = read_key(out / KEY) if (out / KEY).exists() else None
    blinding = before.blinding if before else secrets.token_hex(16)
    versions: list[tuple[Stimulus, int, bytes]] = []
    seconds = 0.0
    group = 0
    for each in chosen:
        spec = each.dataset.spec
        for shown in shown_clips(each, runs, seed):
            videos = render_clip(shown, spec.faces.numpy(), spec.fps, size)
            versions += [(s.stimulus, group, v) for s, v in zip(shown, videos, strict=True)]
            seconds += sum(len(s.motion) / spec.fps for s in shown)
            group += 1
    items, stimuli = blinded(versions, blinding)
    sources = tuple(source for each in chosen for source in each.sources)
    key = sealed(
        Key(study="", seed=seed, blinding=blinding, size=size, sources=sources, stimuli=stimuli)
    )
    if before and before.study != key.study:
        raise ValueError(
            f"{out / KEY} is the key of another study ({before.study}), without which its answers "
            "cannot be read; give another --out, or move it away"
        )
    minutes = max(1, round((seconds + SECONDS_PER_RATING * len(items)) / 60))
    write_key(out / KEY, key)
    return write_text(out / PAGE, _html(key.study, items, minutes)), key


def blinded(
    versions: Sequence[tuple[Stimulus, int, bytes]], blinding: str
) -> tuple[list[Item], dict[str, Stimulus]]:
    """Stimuli under random ids, in the order of these ids; and what each id is."""
    draws = random.Random(derive("blinding", blinding))
    ids = [f"{number:08x}" for number in draws.sample(range(16**8), len(versions))]
    groups = list(range(len({group for _, group, _ in versions})))
    draws.shuffle(groups)
    items = [
        Item(name, groups[group], base64.b64encode(video).decode("ascii"))
        for name, (_, group, video) in zip(ids, versions, strict=True)
    ]
    stimuli = {name: stimulus for name, (stimulus, _, _) in zip(ids, versions, strict=True)}
    return sorted(items, key=lambda item: item.id), dict(sorted(stimuli.items()))


def _html(study: str, items: Sequence[Item], minutes: int) -> str:
    return (
        environment(HERE)
        .get_template("questionnaire.html.j2")
        .render(
            study=study,
            items=items,
            minutes=minutes,
            stimuli=[{"id": item.id, "group": item.group} for item in items],
            css=(HERE / "questionnaire.css").read_text(encoding="utf-8"),
            js="\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
        )
    )
