"""A made-up mask folder, and one trained run on it that many tests look at and leave as it is."""

from pathlib import Path

import pytest

from lumbar.training.run_folder import RunFolder
from segmentation.config import SegmentationConfig
from segmentation.train import train
from tests.segmentation.mask_set import write_mask_set
from tests.segmentation.runs import tiny_run


@pytest.fixture(scope="session")
def mask_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images and masks of three splits."""
    return write_mask_set(tmp_path_factory.mktemp("data") / "masks")


@pytest.fixture(scope="session")
def run_config(mask_set: Path) -> SegmentationConfig:
    """Settings of `run_folder`."""
    return tiny_run(mask_set)


@pytest.fixture(scope="session")
def run_folder(
    run_config: SegmentationConfig, tmp_path_factory: pytest.TempPathFactory
) -> RunFolder:
    """What a run of two epochs left behind."""
    return train(run_config, name="tiny", output=tmp_path_factory.mktemp("runs") / "tiny").folder
