"""Names of networks, right and wrong."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from backbones.config import BackboneConfig
from backbones.names import NAMES, known_name


@pytest.mark.parametrize("name", ["resnet50", "vgg16", "cifar_resnet1202", "timm/densenet121"])
def test_known_names_pass(name: str) -> None:
    assert known_name(name) == BackboneConfig(name=name).name == name


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("resnet_50", "resnet50"),
        ("ResNet101", "resnet101"),
        ("wide_resnet28_10", "cifar_wide_resnet28_10"),
        ("resnext50", "resnext50_32x4d"),
        ("vgg_16", "vgg16"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(wrong: str, near: str) -> None:
    with pytest.raises(ValueError, match=f'called "{wrong}", did you mean "{near}"'):
        known_name(wrong)
    with pytest.raises(ValidationError, match="python -m backbones"):
        BackboneConfig(name=wrong)


@pytest.mark.parametrize("wrong", ["", "timm/", "zzz"])
def test_what_is_near_nothing_gets_no_guess(wrong: str) -> None:
    with pytest.raises(ValueError, match=rf'called "{wrong}" \('):
        known_name(wrong)


def test_editors_are_offered_all_names() -> None:
    schema = BackboneConfig.model_json_schema()["properties"]["name"]
    assert schema["anyOf"][0]["enum"] == list(NAMES)


def test_names_are_checked_without_torch() -> None:
    code = "import sys, backbones.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
