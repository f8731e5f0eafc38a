"""Speech encoders: what a method hears through, and how tokens become motion frames.

Open encoder.py first. Methods, here and elsewhere, import from this face.
"""

from methods.layers.speech.encoder import ClipMemo, SpeechEncoder
from methods.layers.speech.tokens import (
    frames_from_tokens,
    normalise_audio,
    num_frames_supported,
    pair_tokens,
    resample_tokens,
    token_count,
    tokens_per_frame,
    unpad_audio,
)
from methods.layers.speech.weights import SpeechConfig

__all__ = [
    "ClipMemo",
    "SpeechConfig",
    "SpeechEncoder",
    "frames_from_tokens",
    "normalise_audio",
    "num_frames_supported",
    "pair_tokens",
    "resample_tokens",
    "token_count",
    "tokens_per_frame",
    "unpad_audio",
]
