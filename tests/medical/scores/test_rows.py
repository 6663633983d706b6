"""A row survives JSON, whatever its numbers."""

import json
import math

import pytest
from hypothesis import given

from medical.scores.case_scores import ClassScores
from medical.scores.rows import Row
from tests.medical.scores.random_rows import rows


@given(rows)
def test_a_row_survives_json(row: Row) -> None:
    saved = row.to_dict()

    restored = Row.from_dict(json.loads(json.dumps(saved, allow_nan=False)))

    assert restored.to_dict() == saved
    assert math.isnan(restored.expected_dice) is math.isnan(row.expected_dice)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "fine"}, "status 'fine' is none of scored"),
        ({"dice": "high"}, "could not convert"),
        ({"patient": None}, "no row"),
        ({"strata": "north"}, "no row"),
    ],
)
def test_what_is_no_row_is_told(change: dict[str, object], message: str) -> None:
    scores = ClassScores(0.5, 0.3, 1.0, 0.9, 10.0, 12.0, 1, 1, 0, "scored")
    saved = Row("P001", 1, None, "lesion", scores, 0.9, {}).to_dict()

    assert Row.from_dict(saved).scores == scores
    with pytest.raises(ValueError, match=message):
        Row.from_dict(saved | change)
    with pytest.raises(ValueError, match="no row"):
        Row.from_dict({})
