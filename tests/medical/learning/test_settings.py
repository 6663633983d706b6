"""What a fold trains follows from the study, its facts and the plan."""

from pathlib import Path
from typing import Any

import pytest

from lumbar.training.load import config_from_dict, config_to_dict
from medical.learning.plan import Plan
from medical.learning.settings import segmenter_config
from medical.study.config import MedicalConfig
from medical.study.examination import examine
from segmentation.config import SegmentationConfig
from tests.medical.learning.discs import small_config, write_pictures

PLAN = Plan(10, 30)
PRETRAINED = {"backbone": {"name": "resnet50", "weights": "torchvision/resnet50.v2"}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data"), 4)


def settings_of(data: Path, plan: Plan = PLAN, **changes: Any) -> SegmentationConfig:
    config = small_config(data, **changes)
    looked = examine(config, progress=False)
    assert looked.resolved is not None
    return segmenter_config(config, looked.resolved, looked.study.classes, plan)


def test_the_network_sees_all_channels_of_all_neighbours(data: Path) -> None:
    found = settings_of(data, slices=5)

    assert found.model.backbone.in_channels == 5
    assert found.inference.window == (32, 32)
    assert found.data.batch_size_per_device == 4
    assert found.scores.left_out == ("background",)
    assert [loss.name for loss in found.losses] == ["cross_entropy", "dice"]
    assert found.losses[1].class_weights == (0.0, 1.0)


def test_the_trainer_follows_the_plan(data: Path) -> None:
    trainer = settings_of(data).trainer

    assert trainer.max_epochs == 10
    assert trainer.max_steps is None
    assert trainer.val_every_epochs == 1


@pytest.mark.parametrize(("steps", "decay"), [(1, 0.01), (2, 0.5), (5, 0.8), (100, 0.9)])
def test_the_average_never_looks_back_over_more_than_a_tenth(
    data: Path, steps: int, decay: float
) -> None:
    assert settings_of(data, Plan(10, steps)).trainer.ema_decay == pytest.approx(decay)


def test_without_an_average_there_is_none(data: Path) -> None:
    assert settings_of(data, trainer={"ema_decay": None}).trainer.ema_decay is None


def test_from_scratch_everything_learns_at_once(data: Path) -> None:
    found = settings_of(data)

    assert (found.optim.name, found.optim.lr) == ("adamw", 2e-3)
    assert found.schedule.body_from == 0


def test_a_body_with_weights_waits_and_learns_slowly(data: Path) -> None:
    found = settings_of(data, model=PRETRAINED, unfreeze=0.2)
    told = settings_of(data, model=PRETRAINED, schedule={"name": "cosine", "body_from": 0.5})

    assert (found.optim.lr, found.optim.backbone_lr_factor) == (3e-4, 0.1)
    assert found.schedule.body_from == 0.2
    assert told.schedule.body_from == 0.5


def test_an_optimiser_of_the_settings_stays(data: Path) -> None:
    assert settings_of(data, optim={"name": "sgd", "lr": 0.3}).optim.lr == 0.3


def test_they_survive_a_file(data: Path) -> None:
    found = settings_of(data)

    assert config_from_dict(SegmentationConfig, config_to_dict(found)) == found
    assert config_from_dict(MedicalConfig, config_to_dict(small_config(data))) == small_config(data)
