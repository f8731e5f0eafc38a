"""From audio to 50 Hz speech tokens to motion frames: functions that methods share.

Shapes   B clips, S audio samples, N tokens at 50 Hz, D features, T motion frames.
Units    audio at 16 kHz; a token every 20 ms.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from bench.data import AUDIO_RATE, Batch
from bench.exact import square_root

TOKEN_RATE = 50.0  # tokens per second
TOKEN_HOP = 320  # samples
MIN_SAMPLES = 400  # receptive field of one token

Hear = Callable[[Tensor, int], Tensor]
"""hear(normalised audio (1, S), num_frames) -> (1, T, D) features of one clip."""


def normalise_audio(audio: Float[Tensor, "B S"]) -> Float[Tensor, "B S"]:
    """Zero mean and unit variance per clip, eps 1e-5: the published feature extractors' formula.

    (transformers 4.6 and 4.7, which the published code pins; later releases use 1e-7.)
    """
    variance, mean = torch.var_mean(audio, dim=1, correction=0, keepdim=True)
    return (audio - mean) / square_root(variance + 1e-5)


def unpad_audio(
    audio: Float[Tensor, "B S"], num_frames: Int[Tensor, " B"], fps: float
) -> list[Float[Tensor, "1 samples"]]:
    """Each clip's own audio: padding would enter its normalisation and its attention.

    A batch of one is returned whole; in a larger one a clip keeps the audio of its frames and what
    the last token reaches beyond them.
    """
    if len(audio) == 1:
        return [audio]
    reach = MIN_SAMPLES - TOKEN_HOP
    samples = (num_frames * AUDIO_RATE / fps).round().long() + reach
    return [clip[:, :n] for clip, n in zip(audio.split(1), samples.tolist(), strict=True)]


def hear_clips(hear: Hear, batch: Batch, fps: float) -> list[Float[Tensor, "_ D"]]:
    """Every clip's features, heard by itself and without the batch's padding."""
    clips = unpad_audio(batch.audio, batch.num_frames, fps)
    lengths = batch.num_frames.tolist()
    return [hear(normalise_audio(a), n)[0] for a, n in zip(clips, lengths, strict=True)]


def pad_heard(
    heard: Sequence[Float[Tensor, "_ D"]], batch: Batch
) -> tuple[Float[Tensor, "B T D"], Int[Tensor, " B"]]:
    """Features of a batch's clips, zero-padded, and how many frames each has.

    Raises ValueError where none has any.
    """
    num_frames = torch.tensor([len(frames) for frames in heard]).to(batch.num_frames)
    if not num_frames.any():
        raise ValueError(
            f"{', '.join(batch.names)}: the audio is too short for one frame; "
            "use a longer train.window"
        )
    return pad_sequence(list(heard), batch_first=True), num_frames


def token_count(num_samples: int) -> int:
    """Tokens of so many samples: floor((N - 400) / 320) + 1, the seven-layer recurrence."""
    return max(0, (num_samples - MIN_SAMPLES) // TOKEN_HOP + 1)


def tokens_per_frame(fps: float) -> int:
    """2 where two tokens make a frame exactly (25 fps); 1 where tokens are resampled to frames."""
    return 2 if 2 * fps == TOKEN_RATE else 1


def num_frames_supported(num_samples: int, fps: float) -> int:
    """Frames that the audio covers: whole token pairs at 25 fps, else floor(tokens / 50 * fps).

    The second is the published expression in float64: it gives one frame less than integer
    arithmetic for some counts (205, 410, ... tokens at 30 fps).
    """
    return _frames_of(token_count(num_samples), fps)


def check_token(num_samples: int) -> None:
    """Raises ValueError for audio that is too short for a single token."""
    if num_samples < MIN_SAMPLES:
        raise ValueError(
            f"Audio of {num_samples} samples is too short: expected at least {MIN_SAMPLES} "
            "(25 ms); drop the clip"
        )


def check_frame(num_samples: int, fps: float) -> None:
    """Raises ValueError for audio that is too short for a single motion frame."""
    if not num_frames_supported(num_samples, fps):
        raise ValueError(
            f"Audio of {num_samples} samples is too short for one frame at {fps:g} fps; "
            "drop the clip"
        )


def pair_tokens(tokens: Float[Tensor, "B N D"]) -> Float[Tensor, "B T E"]:
    """Neighbouring tokens side by side, (B, N // 2, 2 D); an odd last token is dropped."""
    num_pairs = tokens.shape[1] // 2
    return tokens[:, : 2 * num_pairs].reshape(len(tokens), num_pairs, 2 * tokens.shape[2])


def resample_tokens(tokens: Float[Tensor, "B N D"], length: int) -> Float[Tensor, "B L D"]:
    """Linear interpolation: token j reads position j (N - 1) / (length - 1)."""
    channels = tokens.transpose(1, 2)
    return F.interpolate(channels, length, mode="linear", align_corners=True).transpose(1, 2)


def frames_from_tokens(
    tokens: Float[Tensor, "B N D"], fps: float, num_frames: int | None = None
) -> Float[Tensor, "B T E"]:
    """Two tokens per motion frame, (B, T, 2 D), as FaceDiffuser pairs them after the encoder.

    At 25 fps pairs are cut to ``num_frames`` (never padded: T may be smaller); at other rates the
    tokens are first interpolated to 2 T, T = ``num_frames`` or what the audio supports.
    """
    if tokens_per_frame(fps) == 2:
        return pair_tokens(tokens)[:, :num_frames]
    length = _frames_of(tokens.shape[1], fps) if num_frames is None else num_frames
    return pair_tokens(resample_tokens(tokens, 2 * length))


def _frames_of(num_tokens: int, fps: float) -> int:
    return num_tokens // 2 if tokens_per_frame(fps) == 2 else int((num_tokens / TOKEN_RATE) * fps)
