"""Speech tokens at the motion's rate, as FaceFormer and CodeTalker hear them.

Shapes   B clips, S audio samples, T frames, N = T * tokens_per_frame, D features.
Units    audio at 16 kHz.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from bench.data import Batch
from methods.layers.speech.encoder import SpeechEncoder
from methods.layers.speech.tokens import (
    normalise_audio,
    num_frames_supported,
    resample_tokens,
    tokens_per_frame,
    unpad_audio,
)

Hear = Callable[[Tensor, int], Tensor]
"""hear(normalised audio (1, S), num_frames) -> (1, N, D) tokens of one clip."""


def hear_aligned(
    encoder: SpeechEncoder, audio: Float[Tensor, "1 S"], fps: float, num_frames: int | None = None
) -> Float[Tensor, "1 N D"]:
    """Tokens of one clip's normalised audio, matched to the motion's rate.

    The rate changes between convolution and transformer, as published: at 25 fps whole pairs of
    tokens, cut to ``num_frames``; else interpolation to ``num_frames`` (None: as many as the audio
    supports). Raises ValueError when the audio is shorter than one frame.
    """
    paired, supported = tokens_per_frame(fps) == 2, num_frames_supported(audio.shape[1], fps)
    length = num_frames or supported
    if paired:
        length = min(length, supported)
    if length < 1:
        raise ValueError(
            f"Audio of {audio.shape[1]} samples is shorter than one frame at {fps:g} fps; "
            "drop the clip"
        )
    features = encoder.convolve(audio)
    features = features[:, : 2 * length] if paired else resample_tokens(features, length)
    return encoder.encode(features)


def hear_batch(
    hear: Hear, batch: Batch, fps: float
) -> tuple[Float[Tensor, "B N D"], Int[Tensor, " B"]]:
    """Every clip's tokens, zero-padded, and how many frames of each have audio."""
    clips = unpad_audio(batch.audio, batch.num_frames, fps)
    frames = batch.num_frames.tolist()
    tokens = [
        hear(normalise_audio(clip), length)[0] for clip, length in zip(clips, frames, strict=True)
    ]
    num_frames = torch.tensor([len(t) // tokens_per_frame(fps) for t in tokens])
    return pad_sequence(tokens, batch_first=True), num_frames.to(batch.num_frames)
