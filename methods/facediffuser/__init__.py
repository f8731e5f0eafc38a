"""FaceDiffuser (Stan et al., MIG 2023): a clean face estimated from a noisy one, speech and style.

Shapes   B clips, S audio samples, T frames, V vertices, C = 3 V, N samples of one clip.
Units    vertices in the dataset's unit; diffused after division by ``motion_scale``.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from bench.data import Batch, Clip, DatasetSpec, valid_frames
from bench.method import Method, Noise
from methods.facediffuser.config import FaceDiffuserConfig
from methods.facediffuser.model import FaceDiffuserNetwork
from methods.facediffuser.sampler import Condition, Sampler
from methods.layers.diffusion import DiffusionSchedule, cosine_betas
from methods.layers.motion_scale import rms_motion
from methods.layers.speech import normalise_audio
from methods.layers.speech.tokens import check_frame, hear_clips, pad_heard


class FaceDiffuser(Method):
    """Samples differ; one stage."""

    config_type = FaceDiffuserConfig
    stages = ("main",)
    deterministic = False

    motion_scale: Tensor

    def __init__(self, config: FaceDiffuserConfig, spec: DatasetSpec) -> None:
        super().__init__()
        self.config = config
        self.network = FaceDiffuserNetwork(config, spec.num_vertices, len(spec.styles), spec.fps)
        self.schedule = DiffusionSchedule(cosine_betas(config.num_steps))
        self.register_buffer("motion_scale", torch.ones(()))
        self._sampler = Sampler(self.network, self.schedule)

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        """A dataset without training subjects leaves the GRU's output without a factor."""
        return None if spec.styles else "it has no training subjects, so no styles"

    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        """With ``motion_scale: train_std``, the root mean square of the training offsets."""
        if self.config.motion_scale == "train_std":
            self.motion_scale.fill_(rms_motion(clips))

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        """Everything but the frozen part of the speech encoder."""
        heard = self.network.audio_encoder
        own = [p for name, p in self.network.named_parameters() if "audio_encoder." not in name]
        return [{"params": [*heard.trainable_parameters(), *own]}]

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        """Huber loss of the estimate at one random step per clip, pooled over the batch's frames.

        Step and noise come from the global generator. "loss" is in the unit that is diffused,
        "vertex_mse" in the dataset's, squared. Motion longer than its audio is cut, as published.
        """
        heard, valid = self._hear_batch(batch)
        clean = self._enter(batch.vertices[:, : valid.shape[1]], batch.template).flatten(2)
        # drawn on the CPU, so that a seed means the same on every device
        step = torch.randint(self.schedule.num_steps, (len(clean),)).to(clean.device)
        noise = torch.randn(clean.shape).to(clean)
        noisy = self.schedule.diffuse(clean, step, noise)
        estimate = self.network(noisy, heard, step, batch.style, self._base(batch.template))
        found, wanted = estimate[valid], clean[valid]
        squared = F.mse_loss(found, wanted)
        huber = F.huber_loss(found, wanted, delta=self.config.huber_delta)
        return {
            "loss": huber if self.config.loss == "huber" else squared,
            "vertex_mse": squared.detach() * self.motion_scale.square(),
        }

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
        """See :class:`bench.method.Method`.

        Samples are drawn one after another: a matrix product of more rows may round otherwise, and
        sample k must not depend on N. Raises ValueError for a style that was not trained and for
        audio that is too short for a single frame.
        """
        num_styles = self.network.obj_vector.in_features
        if not 0 <= style < num_styles:
            raise ValueError(f"style {style} is unknown: expected 0 to {num_styles - 1}")
        check_frame(len(audio), self.network.fps)
        sounds = normalise_audio(audio[None])
        condition = Condition(
            # all of it, then cut: less motion must not make the speech faster
            hear=lambda: self.network.hear(sounds)[:, :num_frames],
            style=torch.tensor([style], device=audio.device),
            base=self._base(template[None]),
        )
        draws = [lambda shape, k=k: noise(k, shape).to(audio) for k in range(num_samples)]
        faces = self._sampler.sample(self.config.sampling, condition, draws)
        return torch.stack([self._leave(face.unflatten(1, (-1, 3)), template) for face in faces])

    def _enter(
        self, vertices: Float[Tensor, "B T V 3"], template: Float[Tensor, "B V 3"]
    ) -> Float[Tensor, "B T V 3"]:
        """The face as it is diffused."""
        if self.config.target == "motion":
            vertices = vertices - template[:, None]
        return vertices / self.motion_scale

    def _leave(
        self, face: Float[Tensor, "T V 3"], template: Float[Tensor, "V 3"]
    ) -> Float[Tensor, "T V 3"]:
        """Vertices of what was diffused."""
        vertices = face * self.motion_scale
        return template + vertices if self.config.target == "motion" else vertices

    def _base(self, template: Float[Tensor, "B V 3"]) -> Float[Tensor, "B C"]:
        """The face at rest, as it is diffused: the network's output is added to it."""
        return self._enter(template[:, None], template).flatten(1)

    def _hear_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Every clip's speech, zero-padded, and which frames are its own: (B, T, L), (B, T)."""
        clips = hear_clips(self.network.hear, batch, self.network.fps)
        heard, num_frames = pad_heard(clips, batch)
        return heard, valid_frames(num_frames, heard.shape[1])
