"""What a scan is: a layout can be undone, and spacing follows from the affine."""

from typing import Any

import numpy as np
import pytest

from medical.scans.volume import Geometry, Layout, Volume
from tests.medical.scans.scan_files import SIGNED_PERMUTATIONS


@pytest.mark.parametrize(("axes", "flips"), SIGNED_PERMUTATIONS)
@pytest.mark.parametrize("rest", [(), (2,)])
def test_undo_takes_back_apply(axes: Any, flips: Any, rest: tuple[int, ...]) -> None:
    stored = np.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 2)[(..., *[0] * (1 - len(rest)))]
    layout = Layout(axes, tuple(bool(flip) for flip in flips))

    shown = layout.apply(stored)

    assert shown.shape == (*(stored.shape[axis] for axis in axes), *rest)
    assert np.array_equal(layout.undo(shown), stored)


def test_a_layout_permutes_and_then_mirrors() -> None:
    stored = np.arange(6).reshape(1, 2, 3)

    assert Layout((0, 2, 1), (False, True, False)).apply(stored).tolist() == [
        [[2, 5], [1, 4], [0, 3]]
    ]


def test_spacing_is_the_length_of_a_step_whatever_its_direction() -> None:
    affine = np.array([[0, 0.6, 0, 7], [0, 0.8, 0, 8], [-5, 0, 2, 9], [0, 0, 0, 1]])

    assert Geometry(affine).spacing == pytest.approx((5, 1, 2))


def test_a_volume_tells_its_shape_without_channels() -> None:
    pixels = np.zeros((1, 5, 6, 3), np.uint8)
    volume = Volume(
        pixels=pixels,
        geometry=None,
        layout=Layout(),
        files=(),
        kind="picture",
        bits=8,
        colour=True,
    )

    assert volume.shape == (1, 5, 6)
