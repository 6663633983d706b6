"""A study of detectors measures what detectors have."""

import pytest
from pydantic import ValidationError

from detection.study_config import DetectorStudyConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"measure": "error"}, "Input should be 'ap'"),
        ({"task": "classification"}, "Input should be 'detection'"),
        ({"base": {"preset": "mmdet"}}, "preset mmdet fills the settings of a run, not of a study"),
        ({"base": {"mix": {}}}, "base.mix"),
    ],
)
def test_what_cannot_be_measured_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DetectorStudyConfig.model_validate(settings)
