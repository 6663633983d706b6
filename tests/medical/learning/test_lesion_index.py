"""Every lesion is found once, with voxels of its own."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lumbar.data.pixel_classes import IGNORE
from medical.learning.lesion_index import find_lesions


def test_lesions_are_connected_over_slices_and_corners() -> None:
    labels = np.zeros((3, 8, 10), np.uint8)
    labels[0, 1, 1] = labels[1, 2, 2] = 1  # touch by a corner
    labels[2, 6:8, 5:9] = 1
    labels[0, 4, 4:6] = 2

    found = find_lesions(labels, 3)

    assert found.classes.tolist() == [1, 1, 2]
    assert found.boxes.tolist() == [
        [[0, 2], [1, 3], [1, 3]],
        [[2, 3], [6, 8], [5, 9]],
        [[0, 1], [4, 5], [4, 6]],
    ]
    assert {tuple(voxel) for voxel in found.voxels[0].tolist()} == {(0, 1, 1), (1, 2, 2)}
    assert len({tuple(voxel) for voxel in found.voxels[1].tolist()}) == 8


@given(arrays(np.uint8, (2, 9, 9), elements=st.sampled_from([0, 0, 0, 1, 2, IGNORE])))
@settings(max_examples=50)
def test_voxels_are_of_the_class_and_in_the_box(labels: np.ndarray) -> None:
    found = find_lesions(labels, 3)

    for kind, box, voxels in zip(*found, strict=True):
        assert (labels[tuple(voxels.T)] == kind).all()
        assert (voxels >= box[:, 0]).all()
        assert (voxels < box[:, 1]).all()
    assert {*found.classes.tolist()} == {*np.unique(labels).tolist()} & {1, 2}


def test_a_large_lesion_is_kept_small() -> None:
    found = find_lesions(np.ones((4, 100, 100), np.uint8), 2)

    assert found.voxels.shape == (1, 64, 3)
    assert {*found.voxels[0, :, 0].tolist()} == {0, 1, 2, 3}


def test_nothing_is_nothing() -> None:
    found = find_lesions(np.full((1, 4, 4), IGNORE, np.uint8), 2)

    assert found.classes.shape == (0,)
    assert found.boxes.shape == (0, 3, 2)
    assert found.voxels.shape == (0, 64, 3)
