"""MeshTalk (Richard et al., ICCV 2021): categorical codes of a face, drawn from speech one by one.

Shapes   B clips, S audio samples, T frames, V vertices, H heads, K classes, N samples of one clip.
Units    vertices in the dataset's unit; audio in [-1, 1] at 16 kHz.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from bench.data import Batch, Clip, DatasetSpec
from bench.method import Method, Noise
from methods.layers.speech.tokens import unpad_audio
from methods.meshtalk.autoencoder import Frames, FrozenCodes, MotionAutoencoder
from methods.meshtalk.config import MeshTalkConfig
from methods.meshtalk.context import ContextModel
from methods.meshtalk.generation import generate_fast, generate_plain, gumbel_from_normal
from methods.meshtalk.networks import one_hot
from methods.meshtalk.regions import region_weights, smooth_regions

# samples are drawn in groups of this many rows, filled up: products of matrices of one shape give
# a row the same bits whatever the others are, so a sample does not depend on how many are drawn
GROUP = 10


class MeshTalk(Method):
    """Stage "autoencoder" learns codes of motion; stage "context" predicts them from speech.

    A speaker is told by the template alone: there is no style, and predict() ignores it.
    """

    config_type = MeshTalkConfig
    stages = ("autoencoder", "context")
    deterministic = False  # with sampling.codes argmax all samples are equal

    smoothed: Tensor

    def __init__(self, config: MeshTalkConfig, spec: DatasetSpec):
        super().__init__()
        self.config, self.fps, self.num_styles = config, spec.fps, len(spec.styles)
        stage1 = config.autoencoder
        self.autoencoder = MotionAutoencoder(stage1, spec)
        self.context = ContextModel(
            config.context, stage1.heads, stage1.classes, stage1.speech.code
        )
        regions = [name for name in config.sampling.smoothing_regions if name in spec.masks]
        weights = [region_weights(spec, name, stage1.decay) for name in regions]
        smoothed = torch.stack([torch.zeros(spec.num_vertices), *weights]).amax(0)
        self.register_buffer("smoothed", smoothed, persistent=False)
        self._frozen = FrozenCodes()
        self.autoencoder.register_load_state_dict_post_hook(self._frozen.clear)

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        """None: any topology will do; the losses need the masks that every dataset has."""
        return None

    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        """Stage 1: mean and deviation of every coordinate over the training frames."""
        self._frozen.clear()
        if stage == "autoencoder":
            self.autoencoder.prepare(clips)

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        """Everything of the stage; the decoder has a weight decay of its own, as published."""
        if stage == "context":
            return [{"params": list(self.context.parameters())}]
        decoder = list(self.autoencoder.vertex_unet.parameters())
        decay = self.config.autoencoder.unet_weight_decay
        return [
            {"params": list(self.autoencoder.encoder.parameters())},
            {"params": decoder, "weight_decay": decay},
        ]

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        """Reconstruction and crossing (stage 1), or the codes' negative log-likelihood (stage 2).

        In training, of a segment of each clip (config ``segment``), whose speech is heard with what
        surrounds it. Motion longer than its audio is cut. Raises ValueError for audio that is too
        short for a frame.
        """
        clips = self._own_audio(batch)
        heard = self.autoencoder.encoder.audio_encoder
        supported = [heard.num_frames(len(audio)) for audio in clips]
        lengths = [min(pair) for pair in zip(supported, batch.num_frames.tolist(), strict=True)]
        if not min(lengths):
            raise ValueError(
                f"{', '.join(batch.names)}: the audio is too short for one frame; drop the clip"
            )
        if stage == "autoencoder":
            self._frozen.clear()
            windows = self._windows(lengths, self.config.autoencoder.segment)
            audio = heard(clips, windows)
            return self.autoencoder.loss(_cut(batch, windows, audio))
        return self._context_loss(batch, clips, lengths)

    def _context_loss(
        self, batch: Batch, clips: list[Tensor], lengths: list[int]
    ) -> dict[str, Tensor]:
        """Mean over frames and heads; accuracy is the share of codes that were most likely."""
        codes = [
            self._frozen(self.autoencoder, audio, vertices[:length], template)
            for audio, vertices, template, length in zip(
                clips, batch.vertices, batch.template, lengths, strict=True
            )
        ]
        windows = self._windows(lengths, self.config.context.segment)
        cuts = [
            (audio[start:stop], labels[start:stop])
            for (audio, labels), (start, stop) in zip(codes, windows, strict=True)
        ]
        audio = pad_sequence([pair[0] for pair in cuts], batch_first=True)
        labels = pad_sequence([pair[1] for pair in cuts], batch_first=True)  # (B, T, H)
        found = self.context(one_hot(labels, self.context.classes), audio)
        valid = _valid(windows, labels)
        likelihood = found.gather(-1, labels[..., None])[..., 0][valid]
        right = found.argmax(-1)[valid] == labels[valid]
        return {"loss": -likelihood.mean(), "accuracy": right.float().mean()}

    @torch.no_grad()
    def predict(
        self,
        audio: Float[Tensor, " S"],
        template: Float[Tensor, "V 3"],
        style: int,
        num_frames: int,
        num_samples: int,
        noise: Noise,
    ) -> Float[Tensor, "N T V 3"]:
        """See :class:`bench.method.Method`; ``style`` changes nothing but must exist.

        Raises ValueError for a style that was not trained and for audio shorter than a frame.
        """
        if not 0 <= style < max(self.num_styles, 1):
            raise ValueError(f"style {style} is unknown: expected 0 to {self.num_styles - 1}")
        heard = self.autoencoder.encoder.audio_encoder
        frames = min(num_frames, heard.num_frames(len(audio)))
        if frames < 1:
            raise ValueError(
                f"Audio of {len(audio)} samples is too short: expected at least "
                f"{heard.samples_per_frame}, one frame"
            )
        codes = heard.hear(audio)[:frames]  # (T, A)
        if self.config.sampling.codes == "argmax":
            still = codes.new_zeros(1, frames, self.context.heads, self.context.classes)
            vertices = self._vertices(template, self.generate(codes, still)[0])
            return vertices.expand(num_samples, -1, -1, -1)
        shape = (frames, self.context.heads, self.context.classes)
        drawn = [gumbel_from_normal(noise(k, shape)).to(codes) for k in range(num_samples)]
        labels = torch.cat(
            [
                self._group(codes, drawn[first : first + GROUP])
                for first in range(0, num_samples, GROUP)
            ]
        )
        return torch.stack([self._vertices(template, sample) for sample in labels])

    def generate(
        self, audio: Float[Tensor, "T A"], gumbel: Float[Tensor, "N T H K"]
    ) -> Int[Tensor, "N T H"]:
        """Codes of a clip in the form that the configuration asks for."""
        form = {"fast": generate_fast, "plain": generate_plain}[self.config.sampling.form]
        return form(self.context, audio, gumbel)

    def _group(self, audio: Tensor, gumbel: list[Tensor]) -> Int[Tensor, "N T H"]:
        filled = gumbel + [gumbel[0]] * (GROUP - len(gumbel))
        return self.generate(audio, torch.stack(filled))[: len(gumbel)]

    def _vertices(
        self, template: Float[Tensor, "V 3"], labels: Int[Tensor, "T H"]
    ) -> Float[Tensor, "T V 3"]:
        """One sample decoded, and smoothed where the configuration asks for it."""
        codes = one_hot(labels[None], self.context.classes)
        vertices = self.autoencoder.decode(template[None], codes)[0]
        if self.config.sampling.smoothing and self.smoothed.any():
            return smooth_regions(vertices, self.smoothed)
        return vertices

    def _windows(self, lengths: list[int], segment: int | None) -> list[tuple[int, int]]:
        """A random segment of each clip in training; the whole clip otherwise."""
        if segment is None or not self.training:
            return [(0, length) for length in lengths]
        starts = [int(torch.randint(max(length - segment, 0) + 1, ())) for length in lengths]
        return [
            (start, min(start + segment, length))
            for start, length in zip(starts, lengths, strict=True)
        ]

    def _own_audio(self, batch: Batch) -> list[Float[Tensor, " _"]]:
        """Each clip's audio without the batch's padding, which would change its level."""
        return [clip[0] for clip in unpad_audio(batch.audio, batch.num_frames, self.fps)]


def _cut(batch: Batch, windows: list[tuple[int, int]], audio: Float[Tensor, "B T A"]) -> Frames:
    """The windows of a batch side by side."""
    vertices = [
        clip[start:stop] for clip, (start, stop) in zip(batch.vertices, windows, strict=True)
    ]
    return Frames(
        pad_sequence(vertices, batch_first=True), batch.template, audio, _valid(windows, audio)
    )


def _valid(windows: list[tuple[int, int]], like: Tensor) -> Tensor:
    """Which frames of padded windows are frames: (B, T)."""
    lengths = torch.tensor([stop - start for start, stop in windows], device=like.device)
    return torch.arange(like.shape[1], device=like.device) < lengths[:, None]
