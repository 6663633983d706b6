"""A run small enough for a test: a few steps of a tiny segmenter on made-up masks."""

from collections.abc import Sequence
from pathlib import Path

from lumbar.training.load import load_config
from segmentation.config import SegmentationConfig
from tests.segmentation.mask_set import small_yaml


def tiny_run(data: Path, overrides: Sequence[str] = ()) -> SegmentationConfig:
    """The config of a run on a folder of `write_mask_set`; `overrides` are `key.sub=value`."""
    path = data / "small.yaml"
    if not path.is_file():
        path.write_text(small_yaml(data))
    return load_config(SegmentationConfig, path, ["trainer.progress=none", *overrides])
