"""Segments a TIFF file and prints what that cost: `large_run.py SOURCE TARGET WINDOW`.

The output is one line of JSON: the bytes by which the resident memory grew at its peak, and the areas.
"""

import json
import sys
from pathlib import Path

import torch

from segmentation.large_images import segment_tiff
from tests.segmentation.pointwise import noise
from tests.segmentation.tiny_segmenter import pointwise_segmenter


def resident(field: str) -> int:
    """Bytes of memory of this process: VmRSS now, VmHWM at its peak."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    source, target, window = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    inference = {"window": (window, window), "overlap": 0.0, "windows_per_batch": 1}
    segmenter = pointwise_segmenter(inference=inference)
    segmenter.predict([noise(1, 64, 64).canvas[0].permute(1, 2, 0).numpy()])  # loads libraries
    before = resident("VmRSS")
    overview = segment_tiff(segmenter, source, target)
    grown = resident("VmHWM") - before
    print(json.dumps({"grown": grown, "pixels": overview.pixels.tolist()}))  # noqa: T201 - its result
