"""One trained run that many tests look at, and leave as it is."""

from pathlib import Path

import pytest

from detection.config import DetectionConfig
from detection.train import train
from lumbar.training.run_folder import RunFolder
from tests.detection.runs import tiny_run


@pytest.fixture(scope="session")
def run_config(examples: Path) -> DetectionConfig:
    """Settings of `run_folder`."""
    return tiny_run(examples)


@pytest.fixture(scope="session")
def run_folder(run_config: DetectionConfig, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """What a run of two steps left behind."""
    output = tmp_path_factory.mktemp("runs") / "tiny"
    return train(run_config, name="tiny", output=output).folder
