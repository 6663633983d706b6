"""A run small enough for a test: a few steps of a small network on crops of blood cells."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from classification.config import ClassificationConfig
from lumbar.training.load import config_from_dict, override_config

NAMES = ("RBC", "WBC", "Platelets")
PER_CLASS = {"train": 8, "val": 4, "test": 3}


def tiny_run(examples: Path, overrides: Sequence[str] = ()) -> ClassificationConfig:
    """The config of a run of two epochs of three steps; `overrides` are `key.sub=value`."""
    return override_config(config_from_dict(ClassificationConfig, small(examples)), overrides)


def small(examples: Path) -> dict[str, Any]:
    """Its settings: a narrow ResNet-18 from scratch, whose crops of blood cells have 32 pixels."""
    splits = {
        name: {
            "images": "images",
            "annotations": f"annotations/{name}.json",
            "max_per_class": count,
        }
        for name, count in PER_CLASS.items()
    }
    loading = {"cache_images": True, "workers": 0, "batch_size_per_device": 8}
    frame = {"train": "pad_crop", "size": 32, "test_resize": 32, "test_size": 32}
    trainer = {"max_epochs": 2, "accelerator": "cpu", "precision": "fp32", "log_every_steps": 1}
    body = {"name": "resnet18", "width": 16, "weights": "none", "norm": "group", "freeze": []}
    return {
        "model": {"backbone": body},
        "data": {"root": str(examples / "bccd"), "frame": frame, **splits, **loading},
        "optim": {"name": "adamw", "lr": 1e-3, "base_batch_size": None},
        "schedule": {"name": "constant", "warmup_steps": 0},
        "trainer": {**trainer, "loggers": ["csv"], "progress": "none"},
    }
