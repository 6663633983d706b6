"""Whose conventions fill the settings that a YAML does not give: the innermost base of every detection config.

A preset says how a zoo computes: network, losses, pixels, sizes and the habits of its optimiser. Which weights, which
augmentation and how long is the matter of a recipe. What is not named here, the zoo does as the defaults do.
"""

from collections.abc import Mapping
from typing import Any

_TORCHVISION_MODEL: Mapping[str, Mapping[str, Any]] = {
    "anchors": {"rule": "torchvision"},
    "rpn": {"train_post_nms": 2000, "min_size": 1e-3, "smooth_l1_beta": 1 / 9},
    "roi": {
        "aligned": False,
        "smooth_l1_beta": 1 / 9,
        "min_size": 1e-2,
        "init": "torchvision",
    },
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "lumbar": {},
    "torchvision": {
        "model": _TORCHVISION_MODEL,
        "data": {"resize": {"rule": "torchvision"}},
        "optim": {"norm_weight_decay": 1e-4},
    },
    "torchvision_v2": {
        "model": {
            **_TORCHVISION_MODEL,
            "backbone": {"norm": "batch", "freeze": ()},
            "fpn": {"norm": "batch"},
            "rpn": {**_TORCHVISION_MODEL["rpn"], "convs": 2},
            "roi": {**_TORCHVISION_MODEL["roi"], "head": "four_conv_fc", "head_norm": "batch"},
        },
        "data": {"resize": {"rule": "torchvision"}},
        "optim": {
            "lr": 0.1,
            "base_batch_size": 64,
            "weight_decay": 4e-5,
            "norm_weight_decay": 4e-5,
        },
    },
    "detectron2": {
        "model": {
            "backbone": {"name": "resnet50_v1"},  # stride in the 1x1, as its weights want it
            "rpn": {"loss_divisor": "batch"},
            "roi": {"sampling_ratio": 0, "init": "detectron2"},
        },
        "data": {"resize": {"rule": "pil", "short": (640, 672, 704, 736, 768, 800)}},
    },
    "mmdet": {
        "model": {
            "backbone": {"norm": "eval"},
            "fpn": {"init": "xavier"},
            "rpn": {"low_quality_iou": 0.3, "low_quality_claims": True},
            "roi": {"sampling_ratio": 0, "init": "mmdet"},
        },
        "data": {"resize": {"rule": "opencv"}},
        "optim": {"norm_weight_decay": 1e-4},
        "schedule": {"warmup_steps": 500},
    },
}
