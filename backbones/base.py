"""What every backbone owes to the part that stands on it."""

from typing import NamedTuple

from torch import Tensor, nn


class FeatureSpec(NamedTuple):
    """Shape of one feature map, as far as it does not depend on the image."""

    channels: int
    stride: int
    """Pixels of the input per cell of the map, along each side; sizes are rounded up."""


class Backbone(nn.Module):
    """Images to named feature maps, finest first; the last one is what a classifier averages over the image."""

    features: dict[str, FeatureSpec]
    """What `forward` returns, by name."""
    draws: bool = False
    """Whether it draws at random while it learns; then `forward` takes `seeds`, (B,) int64 or None, as a second one."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Computes the feature maps.

        Args:
            x: (B, C, H, W) float, normalised pixels.

        Returns:
            For every name of `features`: (B, channels, ceil(H / stride), ceil(W / stride)).
        """
        raise NotImplementedError

    def maps(self, x: Tensor, seeds: Tensor | None) -> dict[str, Tensor]:
        """The same as `forward`, by the seeds of the images where it draws.

        Args:
            x: (B, C, H, W) float, normalised pixels.
            seeds: (B,) int64 in [0, 2**31); None draws nothing.
        """
        maps: dict[str, Tensor] = self(x, seeds) if self.draws else self(x)
        return maps
