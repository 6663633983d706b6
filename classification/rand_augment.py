"""RandAugment: a few changes drawn from fifteen, Cubuk et al. 2019 (arXiv:1909.13719)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as change

from classification.data_config import RandAugmentConfig
from lumbar.data.sample import Sample

Change = Callable[[Tensor, float, float], Tensor]
"""(image (C, H, W) uint8, strength in [0, 1], sign 1 or -1) to the changed image."""

_GREY = 128.0
_HIGHEST = 10.0


@dataclass(frozen=True)
class RandAugment:
    """Changes in a row, each of a kind drawn anew, of about one strength.

    Strengths and ranges are those of the paper's implementation, in the form in which more strength always means more
    change.
    """

    settings: RandAugmentConfig

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the sample with a changed image, (C, H, W) uint8."""
        image, kinds = _to_bytes(sample.image), list(CHANGES.values())
        for _ in range(self.settings.layers):
            # Whatever is made of them, the numbers drawn are equally many.
            kind, chance, sign = rng.integers(len(kinds)), rng.random(), rng.choice((-1.0, 1.0))
            strength = rng.normal(self.settings.magnitude, self.settings.spread) / _HIGHEST
            if chance < self.settings.probability:
                image = kinds[kind](image, float(np.clip(strength, 0, 1)), float(sign))
        return replace(sample, image=image)


def _to_bytes(image: Tensor) -> Tensor:
    return image.round().clamp(0, 255).byte() if image.is_floating_point() else image


def _rotate(image: Tensor, strength: float, sign: float) -> Tensor:
    return _moved(image, angle=30 * strength * sign)


def _shear_x(image: Tensor, strength: float, sign: float) -> Tensor:
    return _moved(image, shear=(np.degrees(np.arctan(0.3 * strength * sign)), 0.0))


def _shear_y(image: Tensor, strength: float, sign: float) -> Tensor:
    return _moved(image, shear=(0.0, np.degrees(np.arctan(0.3 * strength * sign))))


def _translate_x(image: Tensor, strength: float, sign: float) -> Tensor:
    return _moved(image, translate=(round(0.45 * strength * sign * image.shape[-1]), 0))


def _translate_y(image: Tensor, strength: float, sign: float) -> Tensor:
    return _moved(image, translate=(0, round(0.45 * strength * sign * image.shape[-2])))


def _moved(
    image: Tensor,
    *,
    angle: float = 0.0,
    shear: tuple[float, float] = (0.0, 0.0),
    translate: tuple[int, int] = (0, 0),
) -> Tensor:
    moved: Tensor = change.affine(
        image,
        angle=angle,
        translate=list(translate),
        scale=1.0,
        shear=list(shear),
        interpolation=change.InterpolationMode.BILINEAR,
        fill=[_GREY] * image.shape[0],
    )
    return moved


def _posterize(image: Tensor, strength: float, _sign: float) -> Tensor:
    posterized: Tensor = change.posterize(image, bits=4 + round(4 * (1 - strength)))
    return posterized


def _solarize(image: Tensor, strength: float, _sign: float) -> Tensor:
    return torch.where(image >= 256 * (1 - strength), 255 - image, image)


def _solarize_add(image: Tensor, strength: float, _sign: float) -> Tensor:
    brighter = (image.int() + round(110 * strength)).clamp(max=255).byte()
    return torch.where(image < 128, brighter, image)


def _invert(image: Tensor, _strength: float, _sign: float) -> Tensor:
    return 255 - image


def _auto_contrast(image: Tensor, _strength: float, _sign: float) -> Tensor:
    stretched: Tensor = change.autocontrast(image)
    return stretched


def _equalize(image: Tensor, _strength: float, _sign: float) -> Tensor:
    equalized: Tensor = change.equalize(image)
    return equalized


def _factor(strength: float, sign: float) -> float:
    return 1 + 0.9 * strength * sign


def _contrast(image: Tensor, strength: float, sign: float) -> Tensor:
    changed: Tensor = change.adjust_contrast(image, _factor(strength, sign))
    return changed


def _brightness(image: Tensor, strength: float, sign: float) -> Tensor:
    changed: Tensor = change.adjust_brightness(image, _factor(strength, sign))
    return changed


def _sharpness(image: Tensor, strength: float, sign: float) -> Tensor:
    changed: Tensor = change.adjust_sharpness(image, _factor(strength, sign))
    return changed


def _colour(image: Tensor, strength: float, sign: float) -> Tensor:
    changed: Tensor = change.adjust_saturation(image, _factor(strength, sign))
    return changed


CHANGES: Mapping[str, Change] = {
    "auto_contrast": _auto_contrast,
    "equalize": _equalize,
    "invert": _invert,
    "rotate": _rotate,
    "posterize": _posterize,
    "solarize": _solarize,
    "solarize_add": _solarize_add,
    "contrast": _contrast,
    "brightness": _brightness,
    "sharpness": _sharpness,
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
    "colour": _colour,
}
"""The kinds by name."""
