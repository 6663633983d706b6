"""Predictions are kept by alias, half as exact, and made once."""

import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from medical.learning.out_of_fold import OutOfFold, predict_case, predict_cases
from medical.scans.intensity import Intensity
from medical.scans.preprocess import Preprocess
from medical.study.cases import find_study
from tests.medical.learning.discs import SIZE, small_config, write_pictures

PREPROCESS = Preprocess(Intensity("none"), None, None, 1.0, 1, 1, (32, 32), 0.25, ())


class Brightness:
    """A network that takes bright pixels for discs, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        self.asked += len(canvas)
        disc = canvas[:, 0] / 255
        return np.stack([1 - disc, disc], axis=1)


def made_up(seed: int) -> NDArray[np.float32]:
    draw = np.random.default_rng(seed).random((1, 3, 5, 7)).astype(np.float32)
    return np.concatenate([draw, 1 - draw])


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    folder = OutOfFold(tmp_path / "out_of_fold")
    assert folder.aliases() == ()
    folder.save("P002-1", made_up(0))
    folder.save("P001-1", made_up(1))

    assert folder.aliases() == ("P001-1", "P002-1")
    assert folder.load("P002-1").dtype == np.float16
    np.testing.assert_allclose(folder.load("P002-1"), made_up(0), atol=5e-4)


def test_a_missing_or_damaged_prediction_says_what_to_do(tmp_path: Path) -> None:
    folder = OutOfFold(tmp_path)
    (tmp_path / "P001-1.npz").write_bytes(b"PK\x03\x04 no archive")
    np.savez(tmp_path / "P002-1.npz", other=np.zeros(3))

    for alias in ("P001-1", "P002-1", "P003-1"):
        with pytest.raises(
            ValueError, match=rf"{alias}\.npz: no whole prediction .* --resume auto"
        ):
            folder.load(alias)


def test_a_full_disk_leaves_no_half_prediction(tmp_path: Path) -> None:
    folder = OutOfFold(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(ValueError, match="cannot be written"):
            folder.save("P001-1", made_up(0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert folder.aliases() == ()


def test_a_case_is_predicted_in_its_own_size(tmp_path: Path) -> None:
    study = find_study(small_config(write_pictures(tmp_path / "data", 1)))
    found = predict_case(study.cases[0], replace(PREPROCESS, zoom=1.5), Brightness())

    assert found.probabilities.shape == (2, 1, *SIZE)
    assert found.voxels == SIZE[0] * SIZE[1]
    assert found.seconds_per_voxel == found.seconds / found.voxels > 0


def test_only_what_is_missing_is_predicted(tmp_path: Path) -> None:
    study = find_study(small_config(write_pictures(tmp_path / "data", 3)))
    folder, network = OutOfFold(tmp_path / "out_of_fold"), Brightness()

    assert predict_cases(study.cases[1:2], folder, PREPROCESS, network, batch=4)
    once = network.asked
    assert not predict_cases(study.cases, folder, PREPROCESS, network, batch=4)

    assert folder.aliases() == tuple(case.alias for case in study.cases)
    assert network.asked == 3 * once
