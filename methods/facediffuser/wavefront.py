"""The whole sampling loop in the projected space, many denoising steps at a time.

Cell (n, t) is frame t of the n-th step taken. It needs the GRU's state of cell (n, t - 1) and the
noisy face of cell (n - 1, t), no more: the GRU is causal and all else works on single frames. So
all cells with n + t = w are independent, and N + T - 1 rounds of up to min(N, T) cells replace
N * T frames one after another: the same numbers from matrix products instead of vector ones.

Shapes   T frames, N steps taken, L = latent features, P = 2 L, G = 3 L, R columns of the noise's
         factor. Arrays over steps hold the last step first: a round's cells are plain slices.
Units    as diffused.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.facediffuser.folded import Folded
from methods.facediffuser.reverse import Draw, Update, factors
from methods.layers.packed import Layer, packed

NORM_EPS = 1e-5
WIDE = 256  # features from which packed weights pay


class DrawnNoise:
    """Q eps as F z, z standard normal, drawn when a cell needs it.

    Why the samples have the same distribution as the published loop's, F F^T = Q Q^T:
    1. eps ~ N(0, I) in each step and frame, so Q eps, a linear image of it, is N(0, Q Q^T); F z is
       N(0, F F^T), the same one. Steps and frames are independent on either side.
    2. The first noisy face enters the network, and the next step's Q x, only through Q x.
    3. Given the estimates, Q x of all steps is a recurrence in Q x, Q estimate and Q eps; the
       network's output depends on x through Q x alone. By induction over steps the joint
       distribution of (Q x, GRU output) over all steps is the published one.
    4. The result is the last estimate, a function of the last GRU output.
    """

    def __init__(self, draw: Draw, factor: Float[Tensor, "P R"]) -> None:
        self._draw, self._rank = draw, factor.shape[1]
        self._apply = packed(factor, narrowest=WIDE)

    def first(self, num_frames: int) -> Float[Tensor, "T P"]:
        """The noise that sampling starts from."""
        return self._apply(self._draw((num_frames, self._rank)))

    def cells(self, steps: slice, frames: slice) -> Float[Tensor, "cells P"]:
        """The noise of a round's cells."""
        return self.first(frames.stop - frames.start)


class GivenNoise:
    """Q eps of noise that is given for vertices, in the published loop's order of draws."""

    def __init__(
        self,
        draw: Draw,
        project: Callable[[Tensor], Tensor],
        plan: Sequence[Update],
        shape: tuple[int, int],
    ) -> None:
        self._first = project(draw(shape))
        drawn = [project(draw(shape)) if u.noise else torch.zeros_like(self._first) for u in plan]
        self._steps = torch.stack(drawn[::-1])  # (N, T, 2 L)

    def first(self, num_frames: int) -> Float[Tensor, "T P"]:
        """The noise that sampling starts from."""
        return self._first

    def cells(self, steps: slice, frames: slice) -> Float[Tensor, "cells P"]:
        """The noise of a round's cells."""
        return self._steps[steps, frames].diagonal().t()


class Wavefront:
    """One clip's loop, ready for any number of samples."""

    def __init__(
        self,
        folded: Folded,
        gru: nn.GRU,
        plan: Sequence[Update],
        heard: Float[Tensor, "T L"],
        gate: Float[Tensor, " L"],
        face: Float[Tensor, " P"],
    ) -> None:
        """``gate`` is the style's, ``face`` is Q applied to what the network adds its output to."""
        self.bias = folded.bias
        self.layers = [_packed_layer(gru, layer) for layer in range(gru.num_layers)]
        self.feedback = packed((folded.feedback * gate).float(), face.float(), WIDE)
        self.noisy_gates = packed(folded.noisy_gates, narrowest=WIDE)
        self.gate_bias = folded.gate_bias
        self.clean, self.noisy, self.noise = factors(plan, heard.device).split(1, dim=1)
        self.is_random = bool(self.noise.any())
        steps = torch.tensor([u.step for u in reversed(plan)], device=heard.device)
        self.step_gates = folded.step_gates[steps]  # (N, G)
        self.step_moments = _moments(folded.step_features[steps])
        self.audio_gates = heard @ folded.audio_gates.t()  # (T, G)
        self.audio_moments = _moments(heard)

    def run(self, noise: DrawnNoise | GivenNoise, deviation: float) -> Float[Tensor, "T L"]:
        """The GRU's output in the last step, from fresh noise of this standard deviation."""
        num_frames, num_steps = len(self.audio_gates), len(self.clean)
        noisy = deviation * noise.first(num_frames)  # Q x of the step that each frame is at
        states = [noisy.new_zeros(num_steps, noisy.shape[1] // 2) for _ in self.layers]
        result = noisy.new_empty(num_frames, noisy.shape[1] // 2)
        for w in range(num_steps + num_frames - 1):
            first, stop = max(0, w - num_steps + 1), min(num_frames, w + 1)
            frames = slice(first, stop)
            steps = slice(num_steps - 1 - w + first, num_steps - 1 - w + stop)
            hidden = noisy[frames]
            for state, (hear, remember) in zip(states, self.layers, strict=True):
                gates = hear(hidden) if hear else self._input_gates(hidden, frames, steps)
                state[steps] = hidden = _recur(gates, remember(state[steps]), state[steps])
            if steps.start == 0:  # this frame is done
                result[first] = hidden[0]
            moved = self.feedback(hidden).mul_(self.clean[steps])
            moved.addcmul_(noisy[frames], self.noisy[steps])
            if self.is_random:
                moved.addcmul_(noise.cells(steps, frames), self.noise[steps])
            noisy[frames] = moved
        return result

    def _input_gates(self, noisy: Tensor, frames: slice, steps: slice) -> Float[Tensor, "cells G"]:
        """The first layer's gates: W_ih LayerNorm([audio, noisy face, step]) + b_ih."""
        even, odd = (noisy + self.bias).chunk(2, dim=1)
        pooled = torch.maximum(even, odd).relu_()
        parts = (self.audio_moments[frames], _moments(pooled), self.step_moments[steps])
        within, mean = torch.stack(parts).mean(0).split(1, dim=1)
        between = sum((part[:, 1:] - mean).square() for part in parts) / len(parts)
        gates = self.noisy_gates(pooled).add_(self.audio_gates[frames]).add_(self.step_gates[steps])
        return torch.addcmul(self.gate_bias, gates, (within + between + NORM_EPS).rsqrt())


def _packed_layer(gru: nn.GRU, layer: int) -> tuple[Layer | None, Layer]:
    """A GRU layer's maps of its input and of its state; the first input has its own way."""
    hear, remember = (
        packed(getattr(gru, f"weight_{side}_l{layer}"), getattr(gru, f"bias_{side}_l{layer}"), WIDE)
        for side in ("ih", "hh")
    )
    return (hear if layer else None), remember


def _recur(
    heard: Float[Tensor, "cells G"], own: Float[Tensor, "cells G"], state: Float[Tensor, "cells L"]
) -> Float[Tensor, "cells L"]:
    """One GRU step from the shares of input and state (torch's order: reset, update, new)."""
    width = state.shape[1]
    both = heard[:, : 2 * width].add(own[:, : 2 * width]).sigmoid_()
    reset, update = both.chunk(2, dim=1)
    new = torch.addcmul(heard[:, 2 * width :], reset, own[:, 2 * width :]).tanh_()
    return torch.lerp(new, state, update)


def _moments(features: Float[Tensor, "rows L"]) -> Float[Tensor, "rows 2"]:
    """Variance and mean of each row: three rows' worth give those of their concatenation."""
    return torch.stack(torch.var_mean(features, dim=1, correction=0), dim=1)
