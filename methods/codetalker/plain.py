"""The published loop over frames, word by word: what the fast form is checked against.

Every step decodes the whole prefix again, projects all of the audio again, and decodes the codes of
all frames so far down to vertices, of which the last frame's are fed back.
Shapes   T frames, N tokens, D features, H face components, V vertices.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.codetalker.autoencoder import MotionAutoencoder
from methods.codetalker.config import SamplingConfig
from methods.codetalker.predictor import Predictor


def unroll(
    predictor: Predictor,
    autoencoder: MotionAutoencoder,
    memory: Float[Tensor, "1 N D"],
    style: Int[Tensor, " 1"],
    config: SamplingConfig,
) -> Int[Tensor, "T H"]:
    """The codes of every frame that the audio has tokens for."""
    styles = predictor.style(style)  # (1, D)
    rest = predictor.vertice_map.bias + styles
    inputs = [rest if config.first_token == "rest" else styles]
    while True:
        latents = autoencoder.components(predictor.decode(torch.stack(inputs, dim=1), memory))
        codes = autoencoder.quantizer.nearest(latents)  # (1, frames so far, H)
        if len(inputs) * predictor.tokens_per_frame == memory.shape[1]:
            return codes[0]
        if len(inputs) == 1 and config.second_token == "rest":
            inputs.append(rest)
            continue
        motion = _last_motion(autoencoder, codes)
        inputs.append(predictor.vertice_map(motion.flatten(1)) + styles)


def _last_motion(
    autoencoder: MotionAutoencoder, codes: Int[Tensor, "1 T H"]
) -> Float[Tensor, "1 V 3"]:
    """The last frame's motion, from the frames so far. A first frame is decoded as two.

    InstanceNorm makes 0 of two equal frames: the second token then says nothing of the first.
    """
    alone = codes.shape[1] == 1
    if alone:
        codes = codes.expand(-1, 2, -1)
    num_frames = torch.tensor([codes.shape[1]], device=codes.device)
    motion = autoencoder.decode(autoencoder.quantizer.lookup(codes), num_frames)
    return motion[:, 0 if alone else -1]
