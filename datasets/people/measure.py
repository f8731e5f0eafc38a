"""Measures what README.md says of a prepared set: closures, variance, what the audio tells.

    python datasets/people/measure.py data/people

Shapes: T frames, V vertices, P pairs, F features, Y outputs. Units: millimetres, seconds.
"""

import json
import sys
import wave
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import bench  # noqa: F401  # first: it tells numpy how to compute

# isort: split
import numpy as np
from jaxtyping import Float, Int

LAG = 0.08  # seconds that lips may run before or after the voice
BILABIALS, LABIODENTALS = "PBM", "FV"
PENALTIES = (100, 1000, 3000, 10000)  # of ridge regression; the best on val is taken
Entry = dict[str, Any]


class People:
    """A prepared set, read the plain way: vertices are template + weights @ units."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))

    def clips(self, split: str, take: int = 0) -> list[Entry]:
        """A split's clips in the order of the manifest."""
        entries = self.manifest["clips"]
        return [clip for clip in entries if clip["split"] == split and clip["take"] == take]

    def takes(self, clip: Entry) -> list[Entry]:
        """All takes of a clip's audio."""
        return [other for other in self.manifest["clips"] if other["audio"] == clip["audio"]]

    def array(self, name: str) -> np.ndarray:
        """An array of the set's."""
        return np.load(self.folder / f"{name}.npy")

    def mask(self, name: str) -> Int[np.ndarray, " M"]:
        """The vertices of a region."""
        return self.array(f"masks/{name}")

    @cached_property
    def units(self) -> Float[np.ndarray, "K V 3"]:
        """Displacement by channel, in metres."""
        return self.array("units")

    def weights(self, clip: Entry) -> Float[np.ndarray, "T K"]:
        """Of all channels."""
        return self.array(f"coefficients/{clip['name']}")

    def motion(self, clip: Entry, vertices: Int[np.ndarray, " M"]) -> Float[np.ndarray, "T M 3"]:
        """Displacement of these vertices from rest."""
        return 1000 * np.tensordot(self.weights(clip), self.units[:, vertices], axes=1)

    def gaps(self, clip: Entry, pairs: str) -> Float[np.ndarray, "T P 3"]:
        """Upper minus lower vertex of the named pairs."""
        ends = np.array(self.manifest["pairs"][pairs])
        rest = 1000 * self.array(f"templates/{clip['subject']}")[ends]
        points = rest + self.motion(clip, ends.ravel()).reshape(clip["frames"], *rest.shape)
        return points[:, :, 0] - points[:, :, 1]

    def audio(self, clip: Entry) -> Int[np.ndarray, " S"]:
        """PCM16 samples of the audio that a clip uses."""
        with wave.open(str(self.folder / "audio" / f"{clip['audio']}.wav")) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
            return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def near(clip: Entry, phonemes: str) -> Iterator[Int[np.ndarray, " N"]]:
    """The frames within reach of each token of these phonemes."""
    times = (np.arange(clip["frames"]) + 0.5) / 25
    for phoneme, start, end in clip["phonemes"]:
        if phoneme in phonemes:
            yield np.flatnonzero((times > start - LAG) & (times < end + LAG))


def openings(people: People) -> dict[str, Float[np.ndarray, " N"]]:
    """Height of the mid-lip gap in the middle of every token, by phoneme."""
    found: dict[str, list[float]] = {}
    for clip in people.clips("train"):
        gaps = people.gaps(clip, "inner_lips")
        for phoneme, start, end in clip["phonemes"]:
            frame = int((start + end) / 2 * 25)
            found.setdefault(phoneme, []).append(gaps[frame, gaps.shape[1] // 2, 1])
    return {phoneme: np.array(values) for phoneme, values in found.items()}


def seals(people: People) -> Float[np.ndarray, " N"]:
    """By token of P, B and M: the widest distance of the seven middle pairs in its best frame."""
    best = []
    for clip in people.manifest["clips"]:
        apart = np.linalg.norm(people.gaps(clip, "inner_lips")[:, 3:10], axis=2).max(axis=1)
        best += [apart[frames].min() for frames in near(clip, BILABIALS)]
    return np.array(best)


def bites(people: People) -> Float[np.ndarray, "N 2"]:
    """By token of F and V, in its best frame: how far the middle of the lower lip is below the line
    of the upper lip, and how far behind it."""
    best = []
    for clip in people.manifest["clips"]:
        below, behind = people.gaps(clip, "inner_lips")[:, 6, 1:].T
        for frames in near(clip, LABIODENTALS):
            frame = frames[np.argmin(np.hypot(below, behind - 4.5)[frames])]
            best.append((below[frame], behind[frame]))
    return np.array(best)


def variance_shares(people: People) -> Float[np.ndarray, " C"]:
    """What the first principal components of the training motion hold together."""
    units = people.units.reshape(len(people.units), -1).astype(float)
    weights = np.concatenate([people.weights(clip) for clip in people.clips("train")]).astype(float)
    # of the vertices' covariance from the weights' one, which has the same rank and is small
    root = np.linalg.cholesky(units @ units.T + 1e-12 * np.eye(len(units)))
    variance = np.linalg.eigvalsh(root.T @ np.cov(weights.T) @ root)[::-1]
    return np.cumsum(variance) / variance.sum()


def region_share(people: People, region: str) -> float:
    """A region's share of the variance of the training motion."""
    weights = np.concatenate([people.weights(clip) for clip in people.clips("train")]).astype(float)
    spread = np.cov(weights.T)
    by_vertex = np.einsum("kvc,kl,lvc->v", people.units, spread, people.units, optimize=True)
    return float(by_vertex[people.mask(region)].sum() / by_vertex.sum())


def disagreement(people: People, region: str) -> float:
    """Share of a region's variance on test_a that differs between takes of the same audio."""
    spread = total = 0.0
    for clip in people.clips("test_a"):
        takes = [people.motion(take, people.mask(region)) for take in people.takes(clip)]
        motion = np.stack(takes)
        spread += motion.var(axis=0, ddof=1).mean()
        total += motion.var(axis=(0, 1)).mean()
    return float(spread / total)


def take_floor(people: People) -> tuple[float, float]:
    """Lip vertex error, in mm^2, of another take as if it were a prediction, and of a face at rest:
    the mean over the frames of test_a of the largest squared error in the mouth."""
    errors, still = [], []
    for clip in people.clips("test_a"):
        truth, *others = [people.motion(take, people.mask("mouth")) for take in people.takes(clip)]
        errors += [((other - truth) ** 2).sum(axis=2).max(axis=1) for other in others]
        still.append((truth**2).sum(axis=2).max(axis=1))
    return float(np.concatenate(errors).mean()), float(np.concatenate(still).mean())


def log_mel(audio: Int[np.ndarray, " S"]) -> Float[np.ndarray, "M 40"]:
    """40 log-mel bands of PCM16 audio at 100 Hz."""

    def mel(hertz: float) -> float:
        return 2595 * np.log10(1 + hertz / 700)

    frequencies = np.linspace(0, 8000, 257)
    edges = 700 * (10 ** (np.linspace(mel(60), mel(7600), 42) / 2595) - 1)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    bands = np.maximum(0, np.minimum(rising, falling))
    padded = np.pad(audio / 32767, 200)
    starts = np.arange(0, len(padded) - 399, 160)[:, None]
    windows = padded[starts + np.arange(400)] * np.hanning(400)
    return np.log(np.abs(np.fft.rfft(windows, 512)) ** 2 @ bands.T + 1e-4)


def ridge_scores(people: People, regions: tuple[str, ...]) -> dict[str, float]:
    """R2 on test_a of ridge regression from 400 ms of log-mel and the speaker, by region.

    Against the mean motion of the speaker in training. It predicts the weights of all channels,
    which is the same as predicting vertices: they are linear in them.
    """
    styles = people.manifest["styles"]
    inputs = {
        split: np.concatenate([_features(people, clip, styles) for clip in people.clips(split)])
        for split in ("train", "val", "test_a")
    }
    outputs = {
        split: np.concatenate([people.weights(clip) for clip in people.clips(split)]).astype(float)
        for split in inputs
    }
    x, y = inputs["train"], outputs["train"]
    mean, scale, bias = x.mean(axis=0), x.std(axis=0) + 1e-6, y.mean(axis=0)
    x = (x - mean) / scale
    gram, moment = x.T @ x, x.T @ (y - bias)
    units = {region: people.units[:, people.mask(region)] for region in regions}
    flat = {region: field.reshape(len(field), -1) for region, field in units.items()}

    def residual(split: str, fit: np.ndarray, region: str) -> float:
        guess = (inputs[split] - mean) / scale @ fit + bias
        return float((((outputs[split] - guess) @ flat[region]) ** 2).sum())

    fits = [np.linalg.solve(gram + cost * np.eye(len(gram)), moment) for cost in PENALTIES]
    best = min(fits, key=lambda fit: sum(residual("val", fit, region) for region in regions))
    by_style = [x_rows.sum() for x_rows in inputs["train"][:, -len(styles) :].T]
    means = (inputs["train"][:, -len(styles) :].T @ y) / np.array(by_style)[:, None]
    baseline = outputs["test_a"] - inputs["test_a"][:, -len(styles) :] @ means
    return {
        region: 1 - residual("test_a", best, region) / float(((baseline @ field) ** 2).sum())
        for region, field in flat.items()
    }


def _features(people: People, clip: Entry, styles: list[str]) -> Float[np.ndarray, "T F"]:
    mel = log_mel(people.audio(clip))
    centres = np.round((np.arange(clip["frames"]) + 0.5) * 4).astype(int)
    context = np.clip(centres[:, None] + np.arange(-20, 21, 2), 0, len(mel) - 1)
    one_hot = np.tile(np.eye(len(styles))[clip["style"]], (clip["frames"], 1))
    return np.hstack([mel[context].reshape(clip["frames"], -1), one_hot])


def main(folder: Path) -> int:
    """Print the table of README.md, but for the recogniser, the time and the disk."""
    people = People(folder)
    sealed, bitten, wide = seals(people), bites(people), openings(people)
    print(f"widest gap in the best frame of any P, B or M ({len(sealed)}): {sealed.max():.4f} mm")
    print(
        f"F and V ({len(bitten)}): at most {bitten[:, 0].max():.2f} mm below the line of the upper "
        f"lip, at least {bitten[:, 1].min():.2f} mm behind it"
    )
    for phoneme in ("AA", "AE", "EH", "IY", "UW", "S", "SIL"):
        print(f"mid-lip gap in {phoneme}: {wide[phoneme].mean():.1f} mm")
    shares = variance_shares(people)
    for share in (0.9, 0.95, 0.99, 0.999):
        print(f"components that hold {share:.1%}: {int(np.argmax(shares >= share)) + 1}")
    for region in ("mouth", "upper_face"):
        print(f"share of the variance in {region}: {region_share(people, region):.0%}")
    for region, score in ridge_scores(people, ("lips", "upper_face")).items():
        free = disagreement(people, region)
        print(f"{region}: R2 of ridge {score:.2f}, between takes {free:.0%}")
    floor, rest = take_floor(people)
    print(f"LVE of another take {floor:.2f} mm^2, of a face at rest {rest:.1f} mm^2")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
