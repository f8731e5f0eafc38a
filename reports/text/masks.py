"""Which vertices a number is about, where the list is from, and whether it is the published one.

A list is the published one if it was read from a file that the dataset's card knows, and is as
long as the card says.
"""

from collections.abc import Collection, Iterable

from bench.dataset.card import CARDS, Card, MaskFile, read_card
from bench.dataset.masks import FALLBACK
from bench.metrics.table import METRICS
from bench.results import MethodResults
from reports.text.lists import grouped

"""How the origin of a mask begins that no file defines."""


def mask_of(metric: str) -> str:
    """The mask of a metric, or "" for the whole face."""
    return METRICS[metric].mask or ""


def flaw(results: MethodResults, mask: str) -> str:
    """Why no number on this mask may stand beside a published one, in a few words; "" for no flaw.

    Generated data has none: nothing was published on it.
    """
    if results.generated or not mask:
        return ""
    origin, size = results.mask_origins.get(mask, ""), results.mask_sizes.get(mask)
    if origin.startswith(FALLBACK):
        return f"{FALLBACK} mask"
    if not origin or size is None:
        return f"origin and size of mask {mask} are not recorded"
    file = _published(results.dataset, mask, origin)
    if file is None:
        return f"mask {mask} is from no published file"
    if file.size is not None and file.size != size:
        return f"mask {mask} has {size} vertices, the published file {file.size}"
    return ""


def _published(dataset: str, mask: str, origin: str) -> MaskFile | None:
    """The card's file that the origin names; None where there is no such file."""
    card = _card(dataset)
    files = card.masks[mask].files if card and mask in card.masks else ()
    return next((file for file in files if origin.startswith(f"file {file.file}")), None)


def _card(dataset: str) -> Card | None:
    """The card of a real dataset in this project, if there is one."""
    return read_card(dataset) if (CARDS / dataset / "dataset.yaml").exists() else None


def scale_sentence(dataset: str) -> str:
    """Where the millimetres per unit of a dataset's subjects are from, as its card says."""
    card = _card(dataset)
    source = card.subject_scale_source if card else ""
    where = f"{CARDS}/{dataset}/dataset.yaml: {source}" if source else "a source not recorded"
    return f"The scales are approximate, from {where}."


def mask_sentence(rows: Iterable[MethodResults], masks: Collection[str]) -> str:
    """For captions: which of these masks are none of the published ones, and what they are."""
    pairs = [(each, mask) for each in rows for mask in masks if mask in each.masks]
    flaws = [(each, mask, flaw(each, mask)) for each, mask in pairs]
    boxes = grouped((r.mask_origins[m], m) for r, m, why in flaws if why.startswith(FALLBACK))
    told = [
        f"{'the mask' if len(names) == 1 else 'each of the masks'} {', '.join(names)} is a {origin}"
        for origin, names in boxes.items()
    ]
    told += dict.fromkeys(why for *_, why in flaws if why and not why.startswith(FALLBACK))
    return f"Not comparable with published numbers: {'; '.join(told)}." if told else ""


def mask_text(results: MethodResults, mask: str, digits: int = 64) -> str:
    """``4996 vertices, SHA-256 0123456789ab, file regions/lve.txt (...)``"""
    size = results.mask_sizes.get(mask)
    words = [] if size is None else [f"{size} vertices"]
    words.append(f"SHA-256 {results.masks[mask][:digits]}")
    words.append(results.mask_origins.get(mask) or "origin not recorded")
    return ", ".join(words)


def mask_note(rows: Iterable[MethodResults], masks: Collection[str]) -> str:
    """One note with every mask of these: size, first digits of the hash, origin."""
    told = grouped(
        (mask, mask_text(each, mask, 12)) for each in rows for mask in masks if mask in each.masks
    )
    return " ".join(f"Mask {mask}: {' + '.join(texts)}." for mask, texts in told.items())


def mask_record(results: MethodResults, metric: str) -> dict[str, str]:
    """For CSV files: name, hash and origin; empty for a metric of the whole face."""
    mask = mask_of(metric)
    return {
        "mask": mask,
        "mask_sha256": results.masks.get(mask, ""),
        "mask_origin": results.mask_origins.get(mask, ""),
    }
