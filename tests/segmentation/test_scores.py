"""Scores survive JSON, and the table shows and explains them."""

import json
import re
from dataclasses import replace

import pytest

from segmentation.scores import SegmentationScores
from tests.segmentation.five_cases import NAMES, collect, five_cases, score


@pytest.fixture
def scores() -> SegmentationScores:
    return collect("multiclass", [*range(7)]).compute()


def test_scores_survive_json(scores: SegmentationScores) -> None:
    saved = json.loads(json.dumps(scores.to_dict(), allow_nan=False))

    assert saved == scores.to_dict()
    assert saved["summary"] == scores.summary
    assert list(saved["per_class"]) == list(NAMES)
    assert saved["num_images"] == 7


def test_means_are_over_classes(scores: SegmentationScores) -> None:
    for name, value in scores.summary.items():
        of_class = name.replace("mean_", "")
        if of_class != name:
            each = [numbers[of_class] for numbers in scores.per_class.values()]
            assert value == pytest.approx(sum(filter(None, each)) / len(each)), name


def test_every_image_is_in_one_count(scores: SegmentationScores) -> None:
    for numbers in scores.per_class.values():
        images = [numbers[key] or 0 for key in ("present", "false_alarm", "empty_correct")]
        assert sum(images) == 7
        assert all(isinstance(count, int) for count in images)
    assert scores.per_class["vessel"]["present"] == 4
    assert scores.per_class["background"]["present"] == 7


def test_the_table_shows_every_number(scores: SegmentationScores) -> None:
    lines = scores.table().splitlines()

    assert lines[0] == "masks of 7 images"
    for name, value in scores.summary.items():
        assert any(re.match(rf"{name} +{value:.3f}  \w", line) for line in lines)
    for name, line in zip(NAMES, lines[-3:], strict=True):
        shown, *numbers = line.split()
        expected = [
            f"{value:.3f}" if isinstance(value, float) else str(value)
            for value in scores.per_class[name].values()
        ]
        assert shown == name
        assert sorted(numbers) == sorted(expected)
    assert max(map(len, lines)) <= 100


def test_columns_stand_under_their_titles() -> None:
    lesion = score("multiclass", *five_cases()).compute()
    groups, titles, _, last = lesion.table().splitlines()[-4:]

    numbers = lesion.per_class["lesion"]
    assert groups.split() == ["pooled", "case", "images"]
    assert last.split()[1:3] == [f"{numbers[key]:.3f}" for key in ("pooled/iou", "pooled/dice")]
    assert last.split()[5:7] == [f"{numbers[key]:.3f}" for key in ("case/iou", "case/dice")]
    assert last.split()[8:] == ["3", "1", "1", "1"]
    assert len(titles) == len(last)


def test_other_toolkits_stand_below_ours(scores: SegmentationScores) -> None:
    beside = replace(scores, policies=("mmseg", "smp"))

    added = beside.table().removeprefix(f"{scores.table()}\n").splitlines()

    assert beside.to_dict()["policies"] == {name: scores.by(name) for name in ("mmseg", "smp")}
    assert added[0].startswith(f"by mmseg: aAcc {scores.by('mmseg')['aAcc']:.3f}, mIoU ")
    assert any(line.startswith("by smp: iou_score/micro ") for line in added)
    assert max(map(len, added)) <= 100


def test_the_table_says_what_the_means_leave_out() -> None:
    whole = collect("multiclass", [0, 3]).compute()
    part = replace(whole, left_out=["background"])

    assert part.table().startswith("masks of 2 images, means without background\n")
    assert part.summary["pooled/mean_iou"] == part.per_class["lesion"]["pooled/iou"]
    assert part.summary["pooled/pixel_accuracy"] == whole.summary["pooled/pixel_accuracy"]
    assert re.search(r"vessel( +-){7}( +0){3} +2$", part.table())
