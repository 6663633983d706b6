"""Settings of the scores are what the metric takes."""

import json

import pytest
from pydantic import ValidationError

from segmentation.labels import TASKS
from segmentation.metrics import SegmentationMetric
from segmentation.policies import POLICIES
from segmentation.scores_config import ScoresConfig
from tests.segmentation.five_cases import NAMES


def test_the_defaults_of_the_metric_are_those_of_the_config() -> None:
    config = ScoresConfig()

    given = SegmentationMetric(
        TASKS["multiclass"],
        class_names=NAMES,
        left_out=config.left_out,
        rim_share=config.rim_share,
        policies=config.policies,
    )

    plain = SegmentationMetric(TASKS["multiclass"], class_names=NAMES)
    assert given.compute().to_dict() == plain.compute().to_dict()


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_can_be_asked_for(policy: str) -> None:
    text = json.dumps({"policies": [policy], "left_out": ["void"], "at": "resized"})

    assert ScoresConfig.model_validate_json(text, strict=True).policies == (policy,)


@pytest.mark.parametrize(
    "settings", [{"at": "network"}, {"policies": ["monai"]}, {"rim_share": 0.0}, {"rim": 0.1}]
)
def test_what_makes_no_sense_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ScoresConfig.model_validate(settings)
