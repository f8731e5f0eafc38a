"""Motion of the generated dataset: closures, what audio tells, and how much it leaves open.

Shapes: T frames, V vertices. Units: metres.
"""

import numpy as np
import pytest

SPLITS = ("train", "val", "test_a", "test_b")


def lip_gap(synthetic, clip) -> np.ndarray:
    """Height of every mouth pair's gap over time, (T, M) in metres."""
    pairs = np.array(synthetic.manifest["mouth_pairs"])
    vertices = synthetic.vertices(clip)
    return vertices[:, pairs[:, 0], 1] - vertices[:, pairs[:, 1], 1]


def test_every_p_b_and_m_has_a_frame_with_closed_lips(synthetic):
    """Within the reach of a subject's lag, some frame is shut along the whole mouth."""
    num_tokens = 0
    for clip in synthetic.manifest["clips"]:
        gap = np.abs(lip_gap(synthetic, clip)).max(axis=1)
        times = (np.arange(len(gap)) + 0.5) / 25
        for phoneme, start, end in clip["phonemes"]:
            if phoneme in ("P", "B", "M"):
                near = (times > start - 0.08) & (times < end + 0.08)
                assert gap[near].min() <= 1e-6
                num_tokens += 1
    assert num_tokens > 300


def test_lips_never_cross_and_open_vowels_open_them(synthetic):
    opening = {"AA": [], "IY": [], "SIL": []}
    middle = len(synthetic.manifest["mouth_pairs"]) // 2
    for clip in synthetic.clips("train"):
        gap = lip_gap(synthetic, clip)
        assert gap.min() >= -1e-6
        for phoneme, start, end in clip["phonemes"]:
            if phoneme in opening:
                opening[phoneme].append(gap[int((start + end) / 2 * 25), middle] * 1000)
    mean = {phoneme: np.mean(values) for phoneme, values in opening.items()}  # mm
    assert mean["AA"] > 2 * mean["IY"] > 4 * mean["SIL"]


def test_vertices_agree_however_they_are_expanded(synthetic):
    clip = synthetic.clips("test_b")[0]
    coefficients = synthetic.array(f"coefficients/{clip['name']}")
    basis = synthetic.array(f"bases/{clip['subject']}")
    template = synthetic.array(f"templates/{clip['subject']}")
    exact = template + np.einsum("tk,kvc->tvc", coefficients.astype(float), basis.astype(float))
    one_by_one = np.stack([template + np.tensordot(row, basis, axes=1) for row in coefficients])
    channel_by_channel = np.tile(template, (len(coefficients), 1, 1))
    for channel in range(len(basis)):
        channel_by_channel += coefficients[:, channel, None, None] * basis[channel]
    for vertices in (synthetic.vertices(clip), one_by_one, channel_by_channel):
        assert np.abs(vertices - exact).max() <= 1e-6


def test_the_motion_is_of_low_rank(synthetic):
    """No decoder can be ranked on it: 13 principal components hold 99.9 % of the variance."""
    motion = np.concatenate([synthetic.motion(clip) for clip in synthetic.clips("train")])
    centred = motion.reshape(len(motion), -1) - motion.reshape(len(motion), -1).mean(axis=0)
    variance = np.linalg.eigvalsh(centred.T @ centred)[::-1]
    share = np.cumsum(variance) / variance.sum()
    assert share[12] >= 0.999
    assert share[5] < 0.999


def test_most_of_the_movement_is_in_the_mouth(synthetic):
    motion = np.concatenate([synthetic.motion(clip) for clip in synthetic.clips("train")])
    variance = motion.var(axis=0).sum(axis=-1)
    assert 0.6 < variance[synthetic.mask("mouth")].sum() / variance.sum() < 0.8


def test_takes_agree_on_the_lips_and_not_on_the_upper_face(synthetic):
    """Audio determines the lips almost fully and the upper face partly."""

    def disagreement(mask: str) -> float:
        spread, total = 0.0, 0.0
        for clip in synthetic.clips("test_a"):
            takes = [c for c in synthetic.manifest["clips"] if c["audio"] == clip["name"]]
            motion = np.stack([synthetic.motion(take)[:, synthetic.mask(mask)] for take in takes])
            spread += motion.var(axis=0, ddof=1).mean()
            total += motion.var(axis=(0, 1)).mean()
        return spread / total

    assert disagreement("lips") < 0.12
    assert 0.3 < disagreement("upper_face") < 0.9


def dynamics(motion: np.ndarray) -> float:
    """Mean over vertices of the temporal standard deviation of the squared displacement."""
    return float((motion**2).sum(axis=-1).std(axis=0).mean())


def test_another_take_has_the_dynamics_that_a_mean_face_lacks(synthetic):
    """Upper-face dynamics deviation: signed, it is near zero for an oracle, large for a still."""
    upper = synthetic.mask("upper_face")
    truth = {
        clip["name"]: dynamics(synthetic.motion(clip)[:, upper])
        for clip in synthetic.clips("test_a")
    }
    oracle = [
        truth[clip["audio"]] - dynamics(synthetic.motion(clip)[:, upper])
        for take in range(1, 5)
        for clip in synthetic.clips("test_a", take)
    ]
    still = np.mean(list(truth.values()))  # a face that holds the mean pose has dynamics 0
    assert abs(np.mean(oracle)) <= 0.2 * still


def log_mel(audio: np.ndarray) -> np.ndarray:
    """40 log-mel bands of PCM16 audio at 100 Hz."""

    def mel(hertz):
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


@pytest.fixture(scope="module")
def ridge_scores(synthetic) -> dict[str, float]:
    """R2 on test_a of ridge regression from 400 ms of log-mel context, by region.

    Against the mean motion of the subject in training; the penalty is chosen on val.
    """
    styles = synthetic.manifest["styles"]
    regions = {name: synthetic.mask(name) for name in ("lips", "upper_face")}
    vertices = np.concatenate(list(regions.values()))
    inputs, motion = {}, {}
    for split in ("train", "val", "test_a"):
        for clip in synthetic.clips(split):
            mel = log_mel(synthetic.audio(clip))
            centres = np.round((np.arange(clip["frames"]) + 0.5) * 4).astype(int)
            context = np.clip(centres[:, None] + np.arange(-20, 21, 2), 0, len(mel) - 1)
            one_hot = np.tile(np.eye(len(styles))[clip["style"]], (clip["frames"], 1))
            inputs[clip["name"]] = np.hstack([mel[context].reshape(clip["frames"], -1), one_hot])
            motion[clip["name"]] = synthetic.motion(clip)[:, vertices].reshape(clip["frames"], -1)

    def stacked(split, arrays):
        return np.concatenate([arrays[clip["name"]] for clip in synthetic.clips(split)])

    x, y = stacked("train", inputs), stacked("train", motion)
    mean, scale, bias = x.mean(axis=0), x.std(axis=0) + 1e-6, y.mean(axis=0)
    x = (x - mean) / scale
    gram, moment = x.T @ x, x.T @ (y - bias)

    def predicted(split, weights):
        return (stacked(split, inputs) - mean) / scale @ weights + bias

    fits = [
        np.linalg.solve(gram + penalty * np.eye(len(gram)), moment)
        for penalty in (100, 1000, 3000, 10000)
    ]
    errors = [((predicted("val", fit) - stacked("val", motion)) ** 2).sum() for fit in fits]
    weights = fits[int(np.argmin(errors))]
    subjects = np.concatenate([[c["subject"]] * c["frames"] for c in synthetic.clips("train")])
    baseline = np.concatenate(
        [
            np.tile(y[subjects == clip["subject"]].mean(axis=0), (clip["frames"], 1))
            for clip in synthetic.clips("test_a")
        ]
    )
    truth, guess = stacked("test_a", motion), predicted("test_a", weights)
    is_lips = np.repeat(np.arange(len(vertices)) < len(regions["lips"]), 3)
    scores = {}
    for name, columns in (("lips", is_lips), ("upper_face", ~is_lips)):
        residual = ((truth - guess)[:, columns] ** 2).sum()
        scores[name] = 1 - residual / ((truth - baseline)[:, columns] ** 2).sum()
    return scores


def test_lips_can_be_predicted_from_audio(ridge_scores):
    assert ridge_scores["lips"] >= 0.55


def test_the_upper_face_can_be_predicted_in_part(ridge_scores):
    assert 0.05 <= ridge_scores["upper_face"] <= 0.55
    assert ridge_scores["lips"] - ridge_scores["upper_face"] >= 0.3
