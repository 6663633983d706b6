"""Lumbar: detection and segmentation on residual networks.

Floors, from below: `lumbar.ops` (tensor functions), then `lumbar.data`, `lumbar.training` and `backbones`,
then `lumbar.tasks`, then `detection` and `segmentation`, then `lumbar.commands`, then `tools`. A room imports only
from lower floors.
"""

__version__ = "0.1.0"
