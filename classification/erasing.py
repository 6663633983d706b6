"""Random erasing: noise in the place of a window, Zhong et al. 2017 (arXiv:1708.04896)."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from lumbar.data.geometry import size_of
from lumbar.data.sample import Sample

_AREA = (0.02, 1 / 3)
_ASPECT = (0.3, 1 / 0.3)
_ATTEMPTS = 10


@dataclass(frozen=True)
class RandomErasing:
    """With this probability, fills a window of random area and shape with noise around the grey of most images."""

    probability: float

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the sample with a new image, or the sample itself."""
        if rng.random() >= self.probability:
            return sample
        image_height, image_width = size_of(sample)
        for _ in range(_ATTEMPTS):
            area = rng.uniform(*_AREA) * image_height * image_width
            aspect = math.exp(rng.uniform(*np.log(_ASPECT)))
            height, width = round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))
            if 0 < height < image_height and 0 < width < image_width:
                top = int(rng.integers(image_height - height + 1))
                left = int(rng.integers(image_width - width + 1))
                noise = rng.normal(117, 58, (sample.image.shape[0], height, width)).clip(0, 255)
                image = sample.image.clone()
                image[:, top : top + height, left : left + width] = torch.from_numpy(noise)
                return replace(sample, image=image)
        return sample
