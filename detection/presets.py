"""Whose conventions fill the settings that a YAML does not give: the innermost base of every detection config."""

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "lumbar": {},
    "torchvision": {
        "model": {
            "anchors": {"rule": "torchvision"},
            "rpn": {"train_post_nms": 2000, "min_size": 1e-3, "smooth_l1_beta": 1 / 9},
            "roi": {
                "aligned": False,
                "smooth_l1_beta": 1 / 9,
                "min_size": 1e-2,
                "init": "torchvision",
            },
        },
        "data": {"resize": {"rule": "torchvision"}},
        "optim": {"norm_weight_decay": 1e-4},
    },
}
