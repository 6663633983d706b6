"""A study of classifiers measures what classifiers have."""

import pytest
from pydantic import ValidationError

from classification.study_config import ClassifierStudyConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"measure": "ap"}, "Input should be 'error', 'gradients' or 'responses'"),
        ({"task": "detection"}, "Input should be 'classification'"),
        ({"probe_images": 1}, "greater than or equal to 2"),
        ({"base": {"model": {"anchors": {}}}}, "base.model.anchors"),
    ],
)
def test_what_cannot_be_measured_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ClassifierStudyConfig.model_validate(settings)
