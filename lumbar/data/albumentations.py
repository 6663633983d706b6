"""The door to albumentations: only this file knows the library, which it imports when needed."""

import difflib
import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lumbar.data.interpolation import single_threaded_opencv
from lumbar.data.pixel_classes import IGNORE
from lumbar.data.sample import Sample

_REFUSED = {
    "Compose": "the list is one already; nest with Sequential, OneOf or SomeOf",
    "ReplayCompose": "the list is repeatable already; nest with Sequential, OneOf or SomeOf",
    "Morphological": "it fails under OpenCV 5",
    "Normalize": "the model normalises",
    "ToFloat": "the model converts to float",
    "ToTensorV2": "the batch is made of tensors in any case",
}
_BASES = {"BaseCompose", "BasicTransform", "DualTransform", "ImageOnlyTransform", "Transform3D"}
_MIN_VISIBILITY = 0.1


class Albumentations:
    """A list of albumentations transforms as one transform.

    Boxes are clipped to the image, and dropped when less than a tenth of their area stays visible.
    Box coordinates pass through float32 fractions of the image, so they move by about 1e-5 pixels
    even if nothing happens to them.
    """

    def __init__(
        self,
        settings: Sequence[Mapping[str, Any]],
        where: str = "data.augment.albumentations",
    ) -> None:
        """Builds the transforms.

        Args:
            settings: `{name: RandomGamma, p: 0.5, ...}` for each transform; OneOf, SomeOf,
                Sequential and the like take further ones under `transforms`.
            where: The setting that holds them, for messages.

        Raises:
            ValueError: A name, an argument or a value that albumentations does not take.
        """
        library = _import_library()
        # A list of colour changes alone would not take boxes; NoOp makes it take them.
        transforms = [*_build_list(settings, where), library.NoOp()]
        boxes = library.BboxParams(
            format="pascal_voc",
            label_fields=["places"],
            min_visibility=_MIN_VISIBILITY,
            clip=True,
            filter_invalid_bboxes=True,
        )
        self._compose = library.Compose(transforms, bbox_params=boxes)
        self._where = where

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the transformed sample.

        Raises:
            ValueError: The transforms changed the type or the channels of the image.
        """
        # The global seeds of numpy and Python do not reach albumentations.
        self._compose.set_random_seed(int(rng.integers(2**31)))
        image = np.ascontiguousarray(sample.image.permute(1, 2, 0).numpy())
        # One by one: beyond the first channel of an array some transforms fill with zeros.
        height, width = sample.image.shape[-2:]
        masks = [] if sample.mask is None else [*sample.mask.reshape(-1, height, width).numpy()]
        places = np.arange(len(sample.boxes))
        changed = self._compose(
            image=image, bboxes=sample.boxes.double().numpy(), places=places, masks=masks
        )
        _check_image(changed["image"], image, self._where)
        kept = torch.as_tensor(np.asarray(changed["places"], dtype=np.int64))
        boxes = torch.as_tensor(np.asarray(changed["bboxes"], dtype=np.float32)).reshape(-1, 4)
        return replace(
            sample,
            image=torch.from_numpy(np.ascontiguousarray(changed["image"])).permute(2, 0, 1),
            boxes=boxes,
            labels=sample.labels[kept],
            mask=sample.mask if sample.mask is None else _joined(changed["masks"], sample.mask),
        )


def _joined(masks: Sequence[Any], like: Tensor) -> Tensor:
    """Changed masks, (H, W) each, in as many axes as before."""
    mask = torch.from_numpy(np.stack(masks))
    return mask if like.ndim == mask.ndim else mask[0]


def _import_library() -> Any:
    # Otherwise the import asks the package index for a newer version.
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    import albumentations

    single_threaded_opencv()
    return albumentations


def _build_list(settings: Any, where: str) -> list[Any]:
    if not isinstance(settings, Sequence) or isinstance(settings, str):
        raise ValueError(f"{where}: must be a list of transforms, got {settings!r}")
    return [_build(entry, f"{where}[{place}]") for place, entry in enumerate(settings)]


def _build(settings: Any, where: str) -> Any:
    if not isinstance(settings, Mapping) or not isinstance(settings.get("name"), str):
        raise ValueError(f"{where}: must be like {{name: RandomGamma, p: 0.5}}, got {settings!r}")
    options = dict(settings)
    name = options.pop("name")
    kind = _find(name, where)
    parameters = inspect.signature(kind).parameters
    known = list(parameters)
    for option in options:
        if option not in known:
            raise ValueError(f'{where}: {name} has no argument "{option}"{_hint(option, known)}')
    # What a turned image lacks at its corners is black, and of no class.
    if "fill_mask" in known and parameters["fill_mask"].default == 0:
        options.setdefault("fill_mask", IGNORE)
    if "transforms" in options:
        options["transforms"] = _build_list(options["transforms"], f"{where}.transforms")
    try:
        return kind(**options)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {name}: {error}") from error


def _find(name: str, where: str) -> Any:
    if name in _REFUSED:
        raise ValueError(f"{where}: {name} is not offered: {_REFUSED[name]}")
    library = _import_library()
    kinds = {
        key: kind
        for key, kind in vars(library).items()
        if isinstance(kind, type)
        and issubclass(kind, library.BasicTransform | library.BaseCompose)
        and key not in _BASES | _REFUSED.keys()
    }
    if name not in kinds:
        raise ValueError(
            f"{where}: albumentations {library.__version__} has no transform "
            f'"{name}"{_hint(name, list(kinds))}'
        )
    return kinds[name]


def _hint(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f', did you mean "{near[0]}"?' if near else ""


def _check_image(changed: Any, image: Any, where: str) -> None:
    if changed.dtype != image.dtype or changed.shape[2:] != image.shape[2:]:
        raise ValueError(
            f"{where}: the image must stay {image.dtype} with {image.shape[2]} "
            f"channels, but became {changed.dtype} of shape {changed.shape}: "
            "remove the transform that converts it"
        )
