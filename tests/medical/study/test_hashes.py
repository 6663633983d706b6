"""Copies that are brighter, smaller, compressed or cut look alike; other images of the same organ do not."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from medical.scans.read import read_volume
from medical.study.hashes import (
    LEAST_LIKENESS,
    MOST_BITS,
    Fingerprint,
    bits_of,
    fingerprint,
    likeness,
)
from tests.medical.study.studies import noise

Change = Callable[[NDArray[Any]], NDArray[Any]]


def jpeg(pixels: NDArray[Any]) -> NDArray[Any]:
    """The pixels after a lossy file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[0].astype(np.uint8)).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))[None]


def smaller(pixels: NDArray[Any]) -> NDArray[Any]:
    """The pixels at 0.6 of their size."""
    image = Image.fromarray(pixels[0].astype(np.uint8))
    return np.asarray(image.resize((image.width * 6 // 10, image.height * 6 // 10)))[None]


CHANGES: dict[str, Change] = {
    "brighter": lambda pixels: np.clip(pixels * 1.3 + 10, 0, 255),
    "gamma": lambda pixels: 255 * (pixels / 255) ** 0.7,
    "cut": lambda pixels: pixels[:, 4:-3, 3:-4],
    "compressed": jpeg,
    "smaller": smaller,
    "all": lambda pixels: jpeg(np.clip(smaller(pixels)[:, 2:, :-2] * 0.8 + 20, 0, 255)),
}


def alike(first: Fingerprint, second: Fingerprint) -> bool:
    """Whether two images would be found to be the same."""
    apart = (bits_of(first.bits) != bits_of(second.bits)).mean()
    return bool(apart <= MOST_BITS and likeness(first.detail, second.detail) >= LEAST_LIKENESS)


def images_of(folder: Path, count: int) -> list[NDArray[Any]]:
    """The first scans of a folder."""
    return [read_volume([file]).pixels for file in sorted(folder.iterdir())[:count]]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found(change: str, shared_data: Path) -> None:
    for pixels in images_of(shared_data / "nuclei/val/images", 12):
        assert alike(fingerprint(pixels), fingerprint(CHANGES[change](pixels)))


@pytest.mark.parametrize("folder", ["nuclei/val/images", "hippocampus/images"])
def test_others_of_the_same_kind_are_not(folder: str, shared_data: Path) -> None:
    images = [fingerprint(pixels) for pixels in images_of(shared_data / folder, 20)]

    assert not [
        (i, j) for i, a in enumerate(images) for j, b in enumerate(images[:i]) if alike(a, b)
    ]


def test_a_scan_is_looked_at_in_three_places() -> None:
    scan = noise((9, 40, 40), 1)[..., None]
    changed = scan.copy()
    changed[6] = noise((40, 40), 2)[..., None]

    assert len(fingerprint(scan).bits) == 48
    assert len(fingerprint(scan[:1]).bits) == 16
    assert alike(fingerprint(scan), fingerprint(scan))
    assert likeness(fingerprint(scan).detail, fingerprint(changed).detail) == pytest.approx(
        2 / 3, abs=0.15
    )


@pytest.mark.parametrize("value", [0, 7, np.nan])
def test_an_image_of_one_value_is_like_nothing(value: float) -> None:
    flat = fingerprint(np.full((1, 16, 16, 1), value))

    assert flat.bits == ""
    assert likeness(flat.detail, flat.detail) == 0


def test_likeness_is_symmetric_and_that_of_an_image_to_itself_is_1() -> None:
    first, second = (fingerprint(noise((1, 50, 60, 1), seed)).detail for seed in (1, 2))

    assert likeness(first, first) == pytest.approx(1, abs=1e-3)
    assert likeness(first, second) == pytest.approx(likeness(second, first), abs=1e-5)
