"""Stage 1: motion and speech to codes, codes and template to motion.

Shapes   B clips, S audio samples, T frames, V vertices, H heads, K classes, E expression code,
         A audio code.
Units    vertices in the dataset's unit.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bench.data import Clip, DatasetSpec
from bench.exact import square_root
from methods.layers.clips import evaluating
from methods.layers.motion_scale import rms_motion
from methods.layers.speech import ClipMemo
from methods.meshtalk.config import AutoencoderConfig
from methods.meshtalk.networks import MotionEncoder, VertexUnet, one_hot, straight_through
from methods.meshtalk.regions import masked_error, region_weights

STILL = 0.01  # a coordinate's deviation is at least this share of the root mean square deviation


class Frames(NamedTuple):
    """Frames of clips side by side, with the audio code of each."""

    vertices: Float[Tensor, "B T V 3"]
    template: Float[Tensor, "B V 3"]
    audio: Float[Tensor, "B T A"]
    valid: Bool[Tensor, "B T"]


class MotionAutoencoder(nn.Module):
    """Encoder, codes, decoder, and the published losses."""

    loss_scale: Tensor
    every_vertex: Tensor
    mouth: Tensor
    upper: Tensor
    key_points: Tensor

    def __init__(self, config: AutoencoderConfig, spec: DatasetSpec):
        super().__init__()
        self.config = config
        self.encoder = MotionEncoder(config, spec.num_vertices, spec.fps)
        self.vertex_unet = VertexUnet(config, spec.num_vertices)
        self.register_buffer("loss_scale", torch.ones(()))
        regions = {
            "mouth": config.mouth_region,
            "upper": config.upper_region,
            "key_points": config.key_point_region,
        }
        for name, region in regions.items():
            weights = region_weights(spec, region, config.decay)
            if name == "key_points":
                weights = (weights == 1).float()  # published: flagged or not
            self.register_buffer(name, weights, persistent=False)
        self.register_buffer("every_vertex", torch.ones(spec.num_vertices), persistent=False)

    @torch.no_grad()
    def prepare(self, clips: Sequence[Clip]) -> None:
        """Mean and deviation per coordinate over the training frames; scales where configured."""
        centred = self.config.normalise == "offsets"
        mean, stddev = moments(clips, centred)
        encoder, decoder = self.encoder.expression_encoder, self.vertex_unet
        for module in (encoder, decoder):
            module.mean.copy_(mean)
            module.stddev.copy_(stddev)
        if centred:
            encoder.mean.zero_()  # the template itself stands for the mean
            faces = torch.stack(list({clip.subject: clip.template for clip in clips}.values()))
            decoder.mean.copy_(faces.mean(0))
            spread = square_root((faces - decoder.mean).square().mean())
            decoder.face_scale.copy_(spread if spread else torch.ones(()))  # 0: one subject
        if self.config.loss_unit == "train_rms":
            self.loss_scale.fill_(rms_motion(clips))
        if self.config.speech.standardise == "train":
            device = self.loss_scale.device
            self.encoder.audio_encoder.standardise([clip.audio.to(device) for clip in clips])

    def encode(self, frames: Frames) -> Float[Tensor, "B T E"]:
        """Expression codes."""
        vertices = frames.vertices
        if self.config.normalise == "offsets":
            vertices = vertices - frames.template[:, None]
        return self.encoder.expression_encoder(vertices)

    def labels(self, frames: Frames) -> Int[Tensor, "B T H"]:
        """Most likely class of every head: what the second stage learns."""
        return self.encoder.fusion_model(self.encode(frames), frames.audio).argmax(-1)

    def decode(
        self, template: Float[Tensor, "B V 3"], codes: Float[Tensor, "B T H K"]
    ) -> Float[Tensor, "B T V 3"]:
        """Vertices of one-hot codes."""
        return self.vertex_unet(template, codes)

    def loss(self, frames: Frames) -> dict[str, Tensor]:
        """The three published terms; see :meth:`_crossing` for the third."""
        config = self.config
        expression = self.encode(frames)
        log_probabilities = self.encoder.fusion_model(expression, frames.audio)
        found = self._reconstruct(log_probabilities, frames.template)
        terms = {"reconstruction": self._error(found, frames, self.every_vertex, frames.valid)}
        terms |= self._crossing(expression, frames)
        loss = config.reconstruction_weight * terms["reconstruction"]
        loss = loss + config.crossing_weight * (terms["mouth"] + terms["upper"])
        if config.key_point_region is not None:
            terms["key_points"] = self._error(found, frames, self.key_points, frames.valid)
            loss = loss + config.key_point_weight * terms["key_points"]
        if config.usage_weight:
            terms["disuse"] = disuse(log_probabilities[frames.valid])
            loss = loss + config.usage_weight * terms["disuse"]
        return {"loss": loss} | terms

    def _crossing(self, expression: Float[Tensor, "B T E"], frames: Frames) -> dict[str, Tensor]:
        """Mouth with the expression of another clip, upper face with the speech of another one.

        Published: codes are rolled over the batch by a random offset in 1..B-1. One clip alone
        (a validation clip) is cut into two halves that take each other's codes; one frame has
        nothing to cross, and 0 comes back. A frame counts when both its own and the other clip's
        frame are no padding.
        """
        if len(expression) == 1:
            expression, frames = _halves(expression, frames)
        if not expression.shape[1]:
            zero = expression.sum()
            return {"mouth": zero, "upper": zero}
        offset = int(torch.randint(1, len(expression), ()))
        valid = frames.valid & frames.valid.roll(offset, 0)
        audio, template = frames.audio, frames.template
        log_probabilities = self.encoder.fusion_model(
            torch.cat([expression.roll(offset, 0), expression]),
            torch.cat([audio, audio.roll(offset, 0)]),
        )
        crossed = self._reconstruct(log_probabilities, torch.cat([template, template])).chunk(2)
        return {
            "mouth": self._error(crossed[0], frames, self.mouth, valid),
            "upper": self._error(crossed[1], frames, self.upper, valid),
        }

    def _reconstruct(self, log_probabilities: Tensor, template: Tensor) -> Tensor:
        if self.training:
            config = self.config
            codes = straight_through(log_probabilities, config.temperature, config.gumbel_noise)
        else:  # as the second stage takes them
            codes = one_hot(log_probabilities.argmax(-1), self.config.classes)
        return self.decode(template, codes)

    def _error(self, found: Tensor, frames: Frames, weights: Tensor, valid: Tensor) -> Tensor:
        error = masked_error(found, frames.vertices, weights, valid)
        return error / self.loss_scale.square()


class FrozenCodes:
    """Audio codes and labels of clips, computed once by a stage 1 without dropout and gradients."""

    def __init__(self) -> None:
        self._audio, self._labels = ClipMemo(), ClipMemo()

    def __call__(
        self,
        autoencoder: MotionAutoencoder,
        audio: Float[Tensor, " S"],
        vertices: Float[Tensor, "T V 3"],
        template: Float[Tensor, "V 3"],
    ) -> tuple[Float[Tensor, "T A"], Int[Tensor, "T H"]]:
        """Audio codes and most likely codes of a whole clip. Do not write into them."""
        num_frames = len(vertices)

        def hear(samples: Tensor) -> Tensor:
            encoder = autoencoder.encoder.audio_encoder
            return encoder([samples], [(0, encoder.num_frames(len(samples)))])[0]

        def label(_: Tensor) -> Tensor:
            valid = torch.ones(1, num_frames, dtype=torch.bool, device=vertices.device)
            frames = Frames(vertices[None], template[None], codes[None], valid)
            return autoencoder.labels(frames)[0]

        with evaluating(autoencoder):
            codes = self._audio(audio, hear)[:num_frames]
            everything = torch.cat([audio, vertices.flatten(), template.flatten()])
            return codes, self._labels(everything, label)

    def clear(self, *_: object) -> None:
        """Forget everything: stage 1 has changed. (Arguments are a load hook's.)"""
        self._audio.clear()
        self._labels.clear()


def disuse(log_probabilities: Float[Tensor, "n H K"]) -> Float[Tensor, ""]:
    """1 minus the entropy of a head's mean probabilities over its largest, log K; mean of heads.

    0 where every class is used alike over these frames, 1 where each head has one code for all.
    """
    shares = log_probabilities.exp().mean(0)  # (H, K)
    entropy = torch.special.entr(shares).sum(-1)
    return 1 - entropy.mean() / math.log(shares.shape[-1])


def moments(clips: Sequence[Clip], centred: bool) -> tuple[Tensor, Tensor]:
    """Mean and deviation (V, 3) over all frames, of vertices or of offsets from the template.

    Two passes, one clip in memory at a time. A coordinate that hardly moves gets 1 % of the root
    mean square deviation, so that it neither divides by nothing nor outweighs what moves.
    Raises ValueError for clips that are all one still face.
    """

    def values(clip: Clip) -> Tensor:
        vertices = clip.vertices.double()
        return vertices - clip.template if centred else vertices

    count = sum(clip.num_frames for clip in clips)
    mean = torch.stack([values(clip).sum(0) for clip in clips]).sum(0) / count
    squares = [(values(clip) - mean).square().sum(0) for clip in clips]
    variance = torch.stack(squares).sum(0) / count
    typical = square_root(variance.mean())
    if not typical:
        raise ValueError("The training clips do not move; prepare the dataset again")
    return mean.float(), square_root(variance).clamp(min=STILL * typical).float()


def _halves(expression: Tensor, frames: Frames) -> tuple[Tensor, Frames]:
    """One clip as a batch of its two halves; an odd last frame is left out."""
    half = expression.shape[1] // 2

    def cut(whole: Tensor) -> Tensor:
        return torch.cat([whole[:, :half], whole[:, half : 2 * half]])

    template = frames.template.expand(2, -1, -1)
    cut_frames = Frames(cut(frames.vertices), template, cut(frames.audio), cut(frames.valid))
    return cut(expression), cut_frames
