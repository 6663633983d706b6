"""The same five predictions score as the toolkits that were asked to score them say."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.metrics.meandice import DiceMetric
from monai.utils.enums import MetricReduction

from medical.scores.case_scores import overlaps
from medical.scores.policies import OF_FOREGROUND, WITH_BACKGROUND, monai_hd95, pooled
from segmentation.policies import POLICIES
from tests.medical.scores.pairs import Labels, five, five_table, pairs, score
from tests.segmentation.five_cases import five_cases
from tests.segmentation.five_cases import score as score_of_the_segmenter

TABLE = {
    'MONAI DiceMetric(reduction="mean_batch"), background': 0.993,
    "pooled over all cases": 0.960,
    "MONAI DiceMetric()": 0.850,
    "MONAI DiceMetric(ignore_empty=False)": 0.750,
    "MONAI DiceMetric(include_background=False)": 0.514,
    "MONAI DiceMetric(include_background=False, ignore_empty=False)": 0.508,
    "nnU-Net foreground_mean": 0.385,
}
"""What each of them printed."""


def counted(cases: list[tuple[Labels, Labels]], num_classes: int = 2) -> Any:
    """(N, K, 3) voxels, background first."""
    return np.stack([overlaps(*pair, num_classes=num_classes) for pair in cases])


def test_the_five_cases_under_each_policy() -> None:
    volumes = counted(five())

    found = {name: policy(volumes[:, 1:]) for name, policy in OF_FOREGROUND.items()}
    found |= {name: policy(volumes) for name, policy in WITH_BACKGROUND.items()}

    assert found == {name: pytest.approx(value, abs=6e-4) for name, value in TABLE.items()}


def test_the_numbers_of_the_segmenter_beside_them() -> None:
    """Ours agree with those of `segmentation` where both speak of the same mean."""
    scores = score_of_the_segmenter("multiclass", *five_cases()).compute()
    volumes = counted(five())
    of_others = {
        name: value
        for policy in POLICIES
        for name, value in ((f"{policy} {key}", v) for key, v in scores.by(policy).items())
    }

    assert of_others["mmseg mDice"] == pytest.approx(pooled(volumes), abs=1e-12)
    assert of_others["mmseg mDice"] == pytest.approx(0.978, abs=5e-4)
    assert of_others["smp f1_score/micro"] == pytest.approx(0.991, abs=5e-4)
    assert of_others["smp f1_score/macro-imagewise"] == pytest.approx(
        WITH_BACKGROUND["MONAI DiceMetric(ignore_empty=False)"](volumes)
    )
    lesion = scores.per_class["lesion"]
    ours = five_table().summary(resamples=10)
    assert lesion["pooled/dice"] == pytest.approx(ours.mean["pooled/dice"].value)
    assert lesion["case/dice"] == pytest.approx(ours.mean["case/dice"].value)
    assert lesion["missed"] == ours.counts["lesion"]["missed"]
    assert lesion["false_alarm"] == ours.counts["lesion"]["false_alarm"]
    assert lesion["empty_correct"] == ours.counts["lesion"]["correctly_empty"]


@given(st.lists(pairs(), min_size=1, max_size=4))
def test_monai_agrees(cases: list[tuple[Labels, Labels]]) -> None:
    """Where no case has anything, MONAI says 0; a mean of nothing is no number here."""
    hot = [
        [
            torch.nn.functional.one_hot(torch.tensor(labels).long(), 3).movedim(-1, 0)[None]
            for labels in pair
        ]
        for pair in cases
    ]
    volumes = counted(cases, 3)
    for background, ignore_empty in ((True, True), (True, False), (False, True), (False, False)):
        metric: Any = DiceMetric(
            include_background=background, ignore_empty=ignore_empty, reduction=MetricReduction.MEAN
        )
        for predicted, true in hot:
            metric(predicted.float(), true.float())
        named = [] if background else ["include_background=False"]
        named += [] if ignore_empty else ["ignore_empty=False"]
        table = WITH_BACKGROUND if background else OF_FOREGROUND
        found = table[f"MONAI DiceMetric({', '.join(named)})"](volumes[:, 0 if background else 1 :])
        assert np.nan_to_num(found) == pytest.approx(metric.aggregate().item(), abs=1e-6)


def test_monai_leaves_misses_and_false_alarms_out_of_the_hausdorff_distance() -> None:
    """Two of the five cases are left; ours has the three that have a lesion."""
    volumes = counted(five())[:, 1:]
    hd95 = np.array([[score(*pair, num_classes=2)[0].hd95] for pair in five()])

    assert monai_hd95(hd95, volumes) == pytest.approx(1.59, abs=6e-3)
    assert five_table().summary(resamples=10).mean["case/hd95"].value == pytest.approx(
        np.mean([hd95[0], hd95[1], [64 * np.sqrt(2)]])
    )


def test_the_table_knows_those_of_the_foreground() -> None:
    found = five_table().policies()

    assert found == {name: pytest.approx(TABLE[name], abs=6e-4) for name in OF_FOREGROUND}
