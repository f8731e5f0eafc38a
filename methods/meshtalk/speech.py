"""Speech to one code per motion frame, from the second of audio around it.

Neighbouring chunks share most spectra where a frame is a whole number of spectra long (25 fps: four
of them). Only the three spectra at each end of a chunk, where it is reflected, are its own; a valid
convolution keeps it at three positions per end. So the convolutions run once over the clip and
then over each chunk's ends: the same function of a fifth of the multiplications.

Shapes   B clips, S audio samples, T frames, M mel bands, P shared spectra, D channels, A code,
         C chunks, W = 101 spectra of a chunk.
Units    audio at 16 kHz; natural logarithm of mel power; a spectrum every 10 ms.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from bench.data import AUDIO_RATE
from bench.exact import square_root
from bench.media.spectra import power_spectrum
from methods.layers.speech import ClipMemo
from methods.meshtalk.config import SpeechConfig

FFT, WINDOW, HOP = 2048, 800, 160  # samples
CHUNK = AUDIO_RATE  # samples
FLOOR = 1e-10  # least mel power
SPECTRA = CHUNK // HOP + 1  # of a chunk
EDGE = 3  # spectra at each end of a chunk whose window reaches beyond it: ceil(WINDOW / 2 / HOP)
EDGE_SAMPLES = FFT // 2 + (EDGE - 1) * HOP  # all that those spectra read of the chunk
KERNEL = 5
DILATIONS = (2, 4, 6, 2, 4, 6)  # with the first layer: receptive field of 101 spectra, a chunk
NEGATIVE_SLOPE = 0.2


class LogMel(nn.Module):
    """Spectra of published settings: Hann window, power 2, HTK filters without normalisation."""

    window: Tensor
    filters: Tensor

    def __init__(self, num_bands: int):
        super().__init__()
        # formulas, not weights: they stay out of the state dict
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        self.register_buffer("filters", mel_filters(num_bands), persistent=False)

    def forward(self, audio: Float[Tensor, "C S"]) -> Float[Tensor, "C M W"]:
        """Spectra centred on samples 1024, 1184, ... of what comes in."""
        power = power_spectrum(audio, self.window, FFT, HOP)  # (C, W, bins)
        mel = (power.reshape(-1, power.shape[2]) @ self.filters).unflatten(0, power.shape[:2])
        return torch.log(mel.clamp(min=FLOOR)).transpose(1, 2)

    def chunks(self, chunks: Float[Tensor, "C S"]) -> Float[Tensor, "C M W"]:
        """Spectra centred on samples 0, 160, ... of each chunk, which is reflected at its ends."""
        return self(F.pad(chunks, (FFT // 2, FFT // 2), mode="reflect"))

    def edges(self, chunks: Float[Tensor, "C S"]) -> Float[Tensor, "C M E"]:
        """The first and the last three of :meth:`chunks`: E = 6."""
        first = F.pad(chunks[:, :EDGE_SAMPLES], (FFT // 2, 0), mode="reflect")
        last = F.pad(chunks[:, -EDGE_SAMPLES:], (0, FFT // 2), mode="reflect")
        return torch.cat([self(first), self(last)], dim=-1)


def mel_filters(num_bands: int) -> Float[Tensor, "bins M"]:
    """Triangles between num_bands + 2 frequencies, evenly spaced in mel from 0 to 8000 Hz.

    mel = 2595 log10(1 + f / 700) (HTK). In float32 and in the order of operations that gives the
    buffer of published files bit for bit.
    """
    frequencies = torch.linspace(0, AUDIO_RATE // 2, FFT // 2 + 1)
    highest = 2595 * math.log10(1 + AUDIO_RATE / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, highest, num_bands + 2) / 2595) - 1)
    widths = edges.diff()
    distance = edges - frequencies[:, None]  # (bins, M + 2)
    rising, falling = -distance[:, :-2] / widths[:-1], distance[:, 2:] / widths[1:]
    return torch.minimum(rising, falling).clamp(min=0)


class Spectra(NamedTuple):
    """The spectra of a clip's chunks: what they share, and the ends of each."""

    shared: Float[Tensor, "B M P"]  # positions 3 to 97 of all chunks, one after another
    first: Float[Tensor, "B T M E"]
    last: Float[Tensor, "B T M E"]


class AudioEncoder(nn.Module):
    """Names of its weights are the published ones."""

    mel_mean: Tensor
    mel_deviation: Tensor

    def __init__(self, config: SpeechConfig, fps: float):
        super().__init__()
        self.config, self.fps = config, fps
        self.log_mel = LogMel(config.num_bands)
        self.chunk_memo, self.packed_memo, self.heard = ClipMemo(), ClipMemo(), ClipMemo()
        self._heard_with: tuple[int, ...] = ()
        self.register_buffer("mel_mean", torch.zeros(config.num_bands, 1))
        self.register_buffer("mel_deviation", torch.ones(config.num_bands, 1))
        self.convert_dimensions = nn.Conv1d(config.num_bands, config.channels, KERNEL)
        self.convs = nn.ModuleList(
            nn.Conv1d(config.channels, config.channels, KERNEL, dilation=d) for d in DILATIONS
        )
        self.code = nn.Linear(config.channels, config.code)

    @property
    def samples_per_frame(self) -> int:
        """floor(16000 / fps), as published."""
        return int(AUDIO_RATE / self.fps)

    def num_frames(self, num_samples: int) -> int:
        """Whole frames that so many samples cover."""
        if self.config.frame_hop == "floor":
            return num_samples // self.samples_per_frame
        return int(num_samples * self.fps / AUDIO_RATE)

    def forward(
        self, clips: Sequence[Float[Tensor, " _"]], windows: Sequence[tuple[int, int]]
    ) -> Float[Tensor, "B T A"]:
        """Codes of frames [start, stop) of each clip, zero-padded in shape (not in value)."""
        exact_overlap = not (self.training and self.config.dropout)  # chunks draw their own masks
        if self.samples_per_frame % HOP == 0 and exact_overlap:
            return self._encode_overlapping(self._batch(clips, windows))
        chunks = (
            self.chunk_memo(audio[None], self._chunk_spectra)[start:stop]
            for audio, (start, stop) in zip(clips, windows, strict=True)
        )
        return pad_sequence([self._encode_apart(clip) for clip in chunks], batch_first=True)

    def hear(self, audio: Float[Tensor, " _"]) -> Float[Tensor, "T A"]:
        """Codes of every frame of a clip without gradients: its samples and styles share them."""
        tensors = (*self.parameters(), self.mel_mean, self.mel_deviation)
        versions = tuple(tensor._version for tensor in tensors)  # torch counts the writes
        if versions != self._heard_with:
            self.heard.clear()
            self._heard_with = versions
        whole = [(0, self.num_frames(len(audio)))]
        return self.heard(audio[None], lambda clip: self([clip[0]], whole)[0])

    def standardise(self, clips: Sequence[Float[Tensor, " _"]]) -> None:
        """Set mean and deviation of each band over all chunks of the clips."""
        count = 0
        total, squares = torch.zeros(2, self.config.num_bands, dtype=torch.float64)
        for audio in clips:
            # the clip's own spectra, each once: chunks would only repeat them
            spectra = self.log_mel.chunks(self._level(audio)[None])[0].double().cpu()
            total, squares = total + spectra.sum(1), squares + spectra.square().sum(1)
            count += spectra.shape[1]
        mean = total / count
        deviation = square_root((squares / count - mean.square()).clamp(min=1e-6))
        self.mel_mean.copy_(mean[:, None])
        self.mel_deviation.copy_(deviation[:, None])

    def _encode_apart(self, spectra: Float[Tensor, "T M W"]) -> Float[Tensor, "T A"]:
        """Published: every chunk by itself."""
        features = self._enter(spectra)  # (T, D, 97)
        for conv in self.convs:
            features = self._residual(conv, features)
        return self.code(features.mean(-1))

    def _encode_overlapping(self, spectra: Spectra) -> Float[Tensor, "B T A"]:
        """The same numbers: each layer once for what chunks share, once for each chunk's ends."""
        num_frames, length = spectra.first.shape[1], SPECTRA
        shared = spectra.shared
        first, last = spectra.first.flatten(0, 1), spectra.last.flatten(0, 1)  # (B T, M, 3)
        layers = [(1, self._enter), *((d, _bound(self, c)) for d, c in self._dilated())]
        for dilation, layer in layers[:-1]:
            reach = (KERNEL - 1) * dilation
            heads = _windows(shared, 0, reach, num_frames, self._step)
            tails = _windows(shared, length - 2 * EDGE - reach, reach, num_frames, self._step)
            first, last = layer(torch.cat([first, heads], -1)), layer(torch.cat([tails, last], -1))
            shared, length = layer(shared), length - reach
        middle = _windows(shared, 0, length - 2 * EDGE, num_frames, self._step)
        features = layers[-1][1](torch.cat([first, middle, last], -1))  # (B T, D, 1)
        return self.code(features.mean(-1)).unflatten(0, (-1, num_frames))

    def _dilated(self) -> list[tuple[int, nn.Module]]:
        return list(zip(DILATIONS, self.convs, strict=True))

    @property
    def _step(self) -> int:
        return self.samples_per_frame // HOP

    def _enter(self, spectra: Tensor) -> Tensor:
        standard = (spectra - self.mel_mean) / self.mel_deviation
        return F.leaky_relu(self.convert_dimensions(standard), NEGATIVE_SLOPE)

    def _residual(self, conv: nn.Module, features: Tensor) -> Tensor:
        """Mean of the input, cropped around its centre, and the layer's output."""
        new = F.leaky_relu(conv(features), NEGATIVE_SLOPE)
        new = F.dropout(new, self.config.dropout, self.training)
        crop = (features.shape[-1] - new.shape[-1]) // 2
        return (features[..., crop : crop + new.shape[-1]] + new) / 2

    def _batch(self, clips: Sequence[Tensor], windows: Sequence[tuple[int, int]]) -> Spectra:
        """Shared spectra and ends of each clip's frames, padded to the longest."""
        shared, first, last = [], [], []
        for audio, (start, stop) in zip(clips, windows, strict=True):
            packed = self.packed_memo(audio[None], self._packed_spectra)
            frames = self.num_frames(len(audio))
            grid, ends = packed[:, : -2 * EDGE * frames], packed[:, -2 * EDGE * frames :]
            until = self._step * (stop - 1) + SPECTRA - 2 * EDGE
            shared.append(grid[:, self._step * start : until].T)
            ends = ends.unflatten(1, (frames, 2 * EDGE)).transpose(0, 1)[start:stop]
            first.append(ends[..., :EDGE])
            last.append(ends[..., EDGE:])
        whole, head, tail = (pad_sequence(x, batch_first=True) for x in (shared, first, last))
        return Spectra(whole.transpose(1, 2), head, tail)

    def _packed_spectra(self, audio: Float[Tensor, "1 S"]) -> Float[Tensor, "M W"]:
        """Shared spectra of a clip, then six ends per frame: one array, for the memo."""
        padded = self._padded(audio[0])
        frames = self.num_frames(audio.shape[1])
        first = EDGE * HOP - FFT // 2  # where the first shared spectrum's samples start
        num_spectra = self._step * (frames - 1) + SPECTRA - 2 * EDGE
        samples = padded[max(first, 0) : first + FFT + (num_spectra - 1) * HOP]
        grid = self.log_mel(F.pad(samples, (max(-first, 0), 0))[None])[0]  # (M, P)
        ends = self.log_mel.edges(self._cut(padded, frames))  # (T, M, 6)
        return torch.cat([grid, ends.transpose(0, 1).flatten(1)], dim=1)

    def _chunk_spectra(self, audio: Float[Tensor, "1 S"]) -> Float[Tensor, "T M W"]:
        frames = self.num_frames(audio.shape[1])
        return self.log_mel.chunks(self._cut(self._padded(audio[0]), frames))

    def _cut(self, padded: Float[Tensor, " S"], frames: int) -> Float[Tensor, "T chunk"]:
        if self.config.frame_hop == "floor":
            return padded.unfold(0, CHUNK, self.samples_per_frame)[:frames]
        starts = [round(t * AUDIO_RATE / self.fps) for t in range(frames)]
        return torch.stack([padded[start : start + CHUNK] for start in starts])

    def _padded(self, audio: Float[Tensor, " S"]) -> Float[Tensor, " samples"]:
        """Silence around a clip, so that a chunk has its frame in the middle."""
        return F.pad(self._level(audio), ((CHUNK - self.samples_per_frame) // 2, CHUNK))

    def _level(self, audio: Float[Tensor, " S"]) -> Float[Tensor, " S"]:
        if self.config.level is None:
            return audio
        return audio * (self.config.level / audio.abs().mean().clamp(min=1e-8))


def _bound(encoder: AudioEncoder, conv: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda features: encoder._residual(conv, features)


def _windows(
    shared: Float[Tensor, "B D P"], start: int, size: int, count: int, step: int
) -> Float[Tensor, "chunks D size"]:
    """``size`` positions of each of the clip's chunks, from ``start`` on: (B T, D, size)."""
    region = shared[..., start : start + step * (count - 1) + size]
    return region.unfold(2, size, step).transpose(1, 2).flatten(0, 1)
