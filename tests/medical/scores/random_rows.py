"""Rows of any content, for what is written to files."""

from hypothesis import strategies as st

from medical.scores.case_scores import ClassScores
from medical.scores.rows import Row

floats = st.floats(allow_infinity=False)
counts = st.integers(0, 10**9)
rows = st.builds(
    Row,
    alias=st.text(min_size=1),
    patient=counts,
    fold=st.none() | counts,
    class_name=st.text(min_size=1),
    scores=st.builds(
        ClassScores,
        **dict.fromkeys(("dice", "iou", "hd95", "surface_dice"), floats),
        **dict.fromkeys(("reference_volume", "predicted_volume"), floats),
        **dict.fromkeys(("lesions", "lesions_found", "false_lesions"), counts),
    ),
    expected_dice=floats,
    strata=st.dictionaries(st.text(min_size=1), st.text()),
)
