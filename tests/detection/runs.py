"""A run small enough for a test: two steps of a tiny detector on blood cells."""

from collections.abc import Sequence
from pathlib import Path

from detection.config import DetectionConfig
from lumbar.training.load import config_from_dict, override_config
from tests.detection.parts import tiny_config


def tiny_run(examples: Path, overrides: Sequence[str] = ()) -> DetectionConfig:
    """The config of a run on four images of each split of `examples/bccd`; `overrides` are `key.sub=value`."""
    splits = {
        name: {"images": "images", "annotations": f"annotations/{name}.json", "limit": 4}
        for name in ("train", "val", "test")
    }
    size = {"short": [96], "test_short": 96, "long": 128}
    config = {
        "model": tiny_config().model_dump(mode="json"),
        "data": {"root": str(examples / "bccd"), "workers": 0, "resize": size, **splits},
        "optim": {"name": "adamw", "lr": 1e-3, "base_batch_size": None},
        "schedule": {"name": "constant", "warmup_steps": 0},
        "trainer": {
            "max_steps": 2,
            "accelerator": "cpu",
            "precision": "fp32",
            "log_every_steps": 1,
            "progress": "none",
        },
    }
    return override_config(config_from_dict(DetectionConfig, config), overrides)
