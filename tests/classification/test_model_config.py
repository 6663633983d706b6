"""Settings without an effect are refused."""

import pytest
from pydantic import ValidationError

from classification.model_config import LossConfig


def test_only_the_sigmoid_loss_knows_what_is_present() -> None:
    assert LossConfig(name="sigmoid", present_from=0.2).present_from == 0.2
    with pytest.raises(
        ValidationError, match=r"present_from 0.2 has no effect on the loss softmax"
    ):
        LossConfig(present_from=0.2)
