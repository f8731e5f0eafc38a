"""Spatial Pyramidal SpiralConv Encoder (GLDiTalker Fig. 3): one feature vector per frame of motion.

Shapes   T frames, V vertices of a level, W vertices of the next, L entries of a spiral, C channels
         in, D channels or features out.
Units    motion in whatever unit the method scales it to.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from methods.layers.mesh.decimation import Hierarchy, build_hierarchy

Mesh = tuple[Int[Tensor, "F 3"], Float[Tensor, "V 3"]]  # faces, template


class SpiralConv(nn.Module):
    """SpiralConv(v) = W f(k-disk(v)) + b (Eq. 3): a linear map of the features along a spiral.

    Weights are Xavier-uniform and biases zero, as in the published code of SpiralNet++.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(kernel_size * in_channels, out_channels)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(
        self, features: Float[Tensor, "T V C"], spirals: Int[Tensor, "W L"]
    ) -> Float[Tensor, "T W D"]:
        """The convolution at the centres of the given spirals, and nowhere else."""
        along = features.index_select(1, spirals.flatten())  # (T, W L, C)
        return self.linear(along.view(len(features), len(spirals), -1))  # (T, W, D)


class SpiralBlock(nn.Module):
    """Spiral convolution, ELU, down-sampling to the survivors (Fig. 3).

    Down-sampling selects vertices, so only these are convolved: the same values as convolving all
    vertices and selecting, for a quarter of the work. The spirals travel with the weights.
    """

    spirals: Tensor  # (W, L): those of the survivors, indices into the level above

    def __init__(self, in_channels: int, out_channels: int, spirals: Int[Tensor, "W L"]) -> None:
        super().__init__()
        self.conv = SpiralConv(in_channels, out_channels, kernel_size=spirals.shape[1])
        self.register_buffer("spirals", spirals)

    def forward(self, features: Float[Tensor, "T V C"]) -> Float[Tensor, "T W D"]:
        """Features of the surviving vertices."""
        return F.elu(self.conv(features, self.spirals))


class SpiralEncoder(nn.Module):
    """Spiral Blocks, then all vertices flattened into one fusion layer with LeakyReLU.

    ``mesh`` is a hierarchy or the (faces, template) to build one from, with as many layers as
    ``channels``. The indices and their hash are buffers: a loaded checkpoint brings its own.
    ``frames_per_chunk`` trades time for memory: that many frames are encoded at once, and again
    when gradients are computed.
    """

    hierarchy_sha256: Tensor  # (32,) bytes

    def __init__(
        self,
        mesh: Hierarchy | Mesh,
        in_channels: int = 3,
        channels: Sequence[int] = (32, 32, 32, 64),
        kernel_size: int = 9,
        dilation: int = 2,
        out_features: int = 1024,
        negative_slope: float = 0.2,
        frames_per_chunk: int | None = None,
    ) -> None:
        super().__init__()
        hierarchy = _hierarchy(mesh, kernel_size, dilation, len(channels))
        self.num_vertices = hierarchy.levels[0]
        self.negative_slope = negative_slope
        self.frames_per_chunk = frames_per_chunk
        self.blocks = nn.Sequential()
        widths = (in_channels, *channels)
        for level, kept in enumerate(hierarchy.kept):
            spirals = torch.from_numpy(hierarchy.spirals[level][kept])
            self.blocks.append(SpiralBlock(widths[level], widths[level + 1], spirals))
        self.fusion = nn.Linear(hierarchy.levels[-1] * widths[-1], out_features)
        sha256 = torch.tensor(list(bytes.fromhex(hierarchy.sha256)), dtype=torch.uint8)
        self.register_buffer("hierarchy_sha256", sha256)

    def forward(self, motion: Float[Tensor, "*frames V C"]) -> Float[Tensor, "*frames D"]:
        """Features of each frame. Raises ValueError for another number of vertices."""
        if motion.shape[-2] != self.num_vertices:
            raise ValueError(
                f"this encoder was built for {self.num_vertices} vertices, the motion has "
                f"{motion.shape[-2]}; build it on the dataset's own template"
            )
        frames = motion.reshape(-1, *motion.shape[-2:])  # (T, V, C)
        if self.frames_per_chunk is None:
            features = self._encode(frames)
        else:
            chunks = frames.split(self.frames_per_chunk)
            features = torch.cat([checkpoint(self._encode, x, use_reentrant=False) for x in chunks])
        return features.view(*motion.shape[:-2], -1)

    def _encode(self, frames: Float[Tensor, "T V C"]) -> Float[Tensor, "T D"]:
        fused = self.fusion(self.blocks(frames).flatten(1))  # (T, D)
        return F.leaky_relu(fused, self.negative_slope)


def _hierarchy(
    mesh: Hierarchy | Mesh, kernel_size: int, dilation: int, num_layers: int
) -> Hierarchy:
    """The hierarchy to use; ValueError if a given one has other spirals or another depth."""
    if not isinstance(mesh, Hierarchy):
        faces, template = mesh
        return build_hierarchy(
            template.cpu().numpy(), faces.cpu().numpy(), kernel_size, dilation, num_layers
        )
    given = (mesh.kernel_size, mesh.dilation, len(mesh.kept))
    if given != (kernel_size, dilation, num_layers):
        raise ValueError(
            f"expected a hierarchy of (kernel_size, dilation, layers) "
            f"{(kernel_size, dilation, num_layers)}, got {given}; build it with the encoder's own"
        )
    return mesh
