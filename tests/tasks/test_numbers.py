"""Numbers of scores, and what stands where there is none."""

import json

import numpy as np
import pytest

from lumbar.tasks.numbers import number_or_none, shown_number


@pytest.mark.parametrize("value", [0.25, np.float32(0.25), np.array([0.25]), np.array(0.25)])
def test_a_number_is_one_of_python(value: object) -> None:
    assert json.dumps(number_or_none(value)) == "0.25"


def test_there_may_be_none() -> None:
    assert number_or_none(np.float64("nan")) is None
    assert shown_number(None) == "-"


def test_counts_stay_whole() -> None:
    count = number_or_none(np.int64(3))

    assert json.dumps(count) == "3"
    assert shown_number(count) == "3"
    assert shown_number(2 / 3) == "0.667"
