"""Datasets: splits, counts, hashes, and masks drawn on the head.

Units  lengths of clips in s.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from bench.common.files import sha256_of_file
from bench.dataset.reader import SPLITS, Dataset, load_dataset
from bench.results import MethodResults
from reports.charts.captions import Picture
from reports.charts.style import save
from reports.heads.head import picture, pose
from reports.text.grid import Cell, Column, Grid, words
from reports.text.labels import data_sentence


@dataclass(frozen=True)
class DatasetPart:
    """The page's part about one dataset."""

    name: str
    sentence: str
    splits: Grid | None
    masks: Grid
    picture: Picture | None
    hashes: dict[str, str]
    missing: str  # what could not be shown, or ""


def open_data(name: str, root: Path) -> Dataset | None:
    """The prepared dataset, or None where this machine does not have it."""
    return load_dataset(name, root) if (root / name / "manifest.json").is_file() else None


def dataset_part(results: MethodResults, data: Dataset | None, assets: Path) -> DatasetPart:
    """Splits and masks of a dataset; draws its masks into the assets."""
    missing = "" if data else f"data/{results.dataset} is not on the machine that built this page."
    return DatasetPart(
        name=results.dataset,
        sentence=data_sentence(results),
        splits=split_grid(data, results) if data else None,
        masks=mask_grid(results),
        picture=draw_masks(data, assets) if data and data.spec.masks else None,
        hashes={"manifest.json": sha256_of_file(data.folder / "manifest.json")} if data else {},
        missing=missing,
    )


def split_grid(data: Dataset, results: MethodResults) -> Grid:
    """Clips, subjects, sentences and seconds per split; further takes are counted apart."""
    rows = []
    for split in SPLITS:
        clips = data.clips(split)
        every = sum(entry["split"] == split for entry in data.manifest["clips"])
        frames = sum(clip.num_frames for clip in clips)
        subjects = sorted(Counter(clip.subject for clip in clips))
        rows.append(
            (
                Cell(split),
                _count(len(clips)),
                _count(every - len(clips)),
                _count(len({clip.sentence for clip in clips})),
                _count(frames),
                Cell(f"{frames / data.spec.fps:.1f}", frames / data.spec.fps),
                Cell(", ".join(subjects) or "-"),
            )
        )
    titles = ("Clips", "Further takes", "Sentences", "Frames")
    return Grid(
        name=f"splits-{data.name}",
        caption=f"{data_sentence(results)} Splits of {data.name}, at {data.spec.fps:g} frames per "
        f"second, {data.spec.num_vertices} vertices, unit {data.spec.unit}.",
        columns=(
            *words("Split"),
            *(Column(title) for title in titles),
            Column("Length", "s"),
            *words("Subjects"),
        ),
        rows=tuple(rows),
    )


def _count(number: int) -> Cell:
    return Cell(str(number), float(number))


def mask_grid(results: MethodResults) -> Grid:
    """Masks with size, origin and hash, as the results name them."""
    return Grid(
        name=f"masks-{results.dataset}",
        caption=f"{data_sentence(results)} Masks: the vertices that a metric looks at.",
        columns=(*words("Mask"), Column("Vertices"), *words("Origin", "SHA-256")),
        rows=tuple(
            (
                Cell(name),
                _count(results.mask_sizes[name]) if name in results.mask_sizes else Cell("-"),
                Cell(results.mask_origins.get(name, "not recorded")),
                Cell(sha256),
            )
            for name, sha256 in sorted(results.masks.items())
        ),
    )


def draw_masks(data: Dataset, assets: Path) -> Picture:
    """Write a head per mask as PNG and SVG."""
    spec = data.spec
    head = pose(spec.template.numpy(), spec.faces.numpy())
    drawing = Figure(figsize=(2.3 * len(spec.masks), 2.6), dpi=140, layout="constrained")
    places = drawing.subplots(1, len(spec.masks), squeeze=False)[0]
    for place, (name, members) in zip(places, spec.masks.items(), strict=True):
        values = np.full(spec.num_vertices, 0.45)  # grey, so that the head is seen
        values[members.numpy()] = 0.95
        place.imshow(picture(head, values, colormaps["cividis"]))
        place.set_title(f"{name}\n{len(members)} vertices", fontsize=9)
        place.axis("off")
    save(drawing, assets / f"{data.name}-masks")
    told = ", ".join(f"{name} ({len(ids)} vertices)" for name, ids in spec.masks.items())
    return Picture(
        file=f"{data.name}-masks.png",
        alt=f"The head of {data.name} once per mask, its vertices in yellow: {told}.",
        caption=f"{'Generated data. ' if data.generated else ''}Masks of {data.name} on its "
        "reference head; yellow vertices belong to the mask.",
    )
