"""Settings of a study: what they refuse, and what follows from them."""

from typing import Any

import pytest

from lumbar.training.load import ConfigError, config_from_dict, config_to_dict
from medical.study.config import MedicalConfig

CLASSES = {"background": 0, "tumour": 255}
SCRATCH = {"backbone": {"name": "resnet18", "weights": "none"}}


def config_of(**values: Any) -> MedicalConfig:
    return config_from_dict(MedicalConfig, values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"classes": {"tumour": 255}}, "the first must be the background"),
        ({"classes": {"tumour": 255, "background": 0}}, "the first must be the background"),
        ({"classes": {"background": 0, "a": 1, "b": 1}}, "1 occur more than once"),
        ({"budget": "soon"}, "must be like 45s, 30min, 2h or 1.5d"),
        ({"budget": "1h", "epochs": 3}, "leave one out"),
        ({"slices": 4}, "an odd number"),
        ({"window": [100, -100]}, "in Hounsfield units"),
        ({"window": [0, 100], "modality": "mr"}, "window is for CT"),
        ({"modality": "rgb", "intensity": "zscore"}, "is for scans"),
        ({"patient": "P(\\d+"}, "no regular expression"),
        ({"patient": "P\\d+"}, "has 0 groups"),
        ({"zoom": 40.0}, "between 0.1 and 16"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_of(**values)


@pytest.mark.parametrize(
    ("budget", "minutes"), [("45s", 0.75), ("30min", 30), ("1.5 h", 90), ("2d", 2880), (None, 60)]
)
def test_a_budget_is_a_time(budget: str | None, minutes: float) -> None:
    assert config_of(budget=budget).minutes() == minutes


def test_epochs_have_no_budget() -> None:
    assert config_of(epochs=3).minutes() is None


def test_a_backbone_from_scratch_learns_its_norms_and_all_stages() -> None:
    backbone = config_of(model=SCRATCH).model.backbone
    told = config_of(model={"backbone": {**SCRATCH["backbone"], "norm": "batch"}}).model.backbone

    assert (backbone.norm, backbone.freeze) == ("group", ())
    assert (told.norm, told.freeze) == ("batch", ())


def test_a_backbone_with_weights_keeps_its_norms() -> None:
    config = config_of()

    assert not config.scratch()
    assert config.model.backbone.norm == "frozen"


def test_a_config_survives_its_file() -> None:
    config = config_of(model=SCRATCH, classes=CLASSES, budget="30min")

    assert config_from_dict(MedicalConfig, config_to_dict(config)) == config
    assert config.pixel_classes().names == ("background", "tumour")


def test_without_classes_it_says_how_to_give_them() -> None:
    with pytest.raises(ValueError, match="background: 0, tumour: 255"):
        config_of().pixel_classes()
