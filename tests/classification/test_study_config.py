"""Settings of a study that cannot work are refused."""

import pytest
from pydantic import ValidationError

from classification.study_config import StudyConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": (0, 1, 0)}, r"seeds \[0, 1, 0\] must differ"),
        ({"runs": {"a/b": {}}}, "runs: a/b would be the name of a folder"),
        ({"seeds": ()}, "at least 1 item"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        StudyConfig.model_validate(settings)
