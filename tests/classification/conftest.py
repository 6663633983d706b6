"""Crops of real blood cells, and one trained run on them that many tests look at and leave as it is."""

from pathlib import Path

import pytest

from classification.config import ClassificationConfig
from classification.train import train
from lumbar.training.run_folder import RunFolder
from tests.classification.runs import tiny_run


@pytest.fixture(scope="session")
def run_config(examples: Path) -> ClassificationConfig:
    """Settings of `run_folder`."""
    return tiny_run(examples)


@pytest.fixture(scope="session")
def run_folder(
    run_config: ClassificationConfig, tmp_path_factory: pytest.TempPathFactory
) -> RunFolder:
    """What a run of two epochs left behind."""
    return train(run_config, name="tiny", output=tmp_path_factory.mktemp("runs") / "tiny").folder
