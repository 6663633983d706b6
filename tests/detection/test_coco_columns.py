"""However detections are packed into parts, they come out as they went in, those of each image once."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from detection.coco_columns import NOTHING_FOUND, join, pack, spans, to_results
from lumbar.data.categories import Categories
from lumbar.ops.structures import Detections

CATEGORIES = Categories(names=("a", "b", "c"), ids=(70, 5, 11))
IMAGE_IDS = torch.tensor([30, 10, 40, 20, 50])


def make_detections() -> Detections:
    """Random float32 detections of five images, padded to (5, 6)."""
    corners = torch.rand(5, 6, 2, 2).sort(dim=2).values * 100
    valid = torch.arange(6) < torch.tensor([3, 0, 6, 1, 2])[:, None]
    labels = torch.randint(3, (5, 6))
    return Detections(corners.flatten(2), torch.rand(5, 6), labels.where(valid, -1), valid)


def take(detections: Detections, index: Tensor) -> Detections:
    return Detections(*(field[index] for field in detections))


def test_rows_hold_what_was_found_to_the_last_digit() -> None:
    detections = make_detections()

    rows = to_results(pack(detections, IMAGE_IDS), CATEGORIES)

    expected = []
    for place in IMAGE_IDS.argsort().tolist():
        boxes, scores, labels, _ = detections.image(place)
        for box, score, label in zip(boxes.double(), scores.double(), labels, strict=True):
            x, y, right, bottom = box.tolist()
            expected.append(
                {
                    "image_id": int(IMAGE_IDS[place]),
                    "category_id": CATEGORIES.ids[label],
                    "bbox": [x, y, right - x, bottom - y],
                    "score": score.item(),
                }
            )
    assert rows == expected


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(5)), st.lists(st.integers(0, 4), max_size=3), st.integers(0, 7))
def test_parts_and_repeated_images_change_nothing(
    order: list[int], repeated: list[int], cut: int
) -> None:
    torch.manual_seed(0)
    detections = make_detections()
    index = torch.tensor(order + repeated)

    parts = [
        pack(take(detections, piece), IMAGE_IDS[piece]) for piece in (index[:cut], index[cut:])
    ]

    whole = to_results(pack(detections, IMAGE_IDS), CATEGORIES)
    assert to_results(join(parts), CATEGORIES) == whole
    assert to_results(join([NOTHING_FOUND, join(parts[:1]), *parts[1:]]), CATEGORIES) == whole


def test_nothing_found_is_no_row() -> None:
    assert to_results(join([NOTHING_FOUND]), CATEGORIES) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4))))
def test_spans_are_ranges_one_after_the_other(pairs: list[tuple[int, int]]) -> None:
    starts, lengths = np.array(pairs, dtype=np.int64).reshape(-1, 2).T

    expected = [place for start, length in pairs for place in range(start, start + length)]

    assert spans(starts, lengths).tolist() == expected
