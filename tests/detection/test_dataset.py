"""Samples hold the image and the boxes that can be learnt, and follow from seed, epoch and image alone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from detection.dataset import DetectionDataset
from lumbar.data.coco import read_coco
from lumbar.data.image_io import read_image
from lumbar.data.records import Records
from lumbar.data.sample import Sample, item_seed

HEIGHT, WIDTH = 30, 40


def unchanged(sample: Sample, rng: np.random.Generator) -> Sample:
    return sample


def noisy(sample: Sample, rng: np.random.Generator) -> Sample:
    noise = torch.from_numpy(rng.integers(256, size=tuple(sample.image.shape), dtype=np.uint8))
    return replace(sample, image=noise)


def whitened(sample: Sample, rng: np.random.Generator) -> Sample:
    sample.image.fill_(255)
    return sample


def left_half(sample: Sample, rng: np.random.Generator) -> Sample:
    boxes = sample.boxes.clamp(max=WIDTH / 2)
    return replace(sample, image=sample.image[..., : WIDTH // 2], boxes=boxes)


def make_records(folder: Path, *annotations: dict[str, Any], **image: int) -> Records:
    """One picture of noise with these annotations, read from files."""
    pixels = np.random.default_rng(0).integers(256, size=(HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "a.png")
    size = {"height": HEIGHT, "width": WIDTH}
    rows = [
        {"id": number, "image_id": 5, "category_id": 3, "iscrowd": 0, "area": 10} | row
        for number, row in enumerate(annotations, start=1)
    ]
    document = {
        "images": [{"id": 5, "file_name": "a.png", **size, **image}],
        "categories": [{"id": 2, "name": "cat"}, {"id": 3, "name": "dog"}],
        "annotations": rows,
    }
    (folder / "truth.json").write_text(json.dumps(document))
    return read_coco(folder / "truth.json", folder, name="train")


def test_a_sample_is_the_file_with_its_boxes(tmp_path: Path) -> None:
    records = make_records(
        tmp_path, {"bbox": [1, 2, 10, 12]}, {"bbox": [5, 6, 7, 8], "category_id": 2}
    )
    dataset = DetectionDataset(records, unchanged, 7)

    sample = dataset[3, 0]

    assert len(dataset) == 1
    pixels = read_image(tmp_path / "a.png")
    assert torch.equal(sample.image, torch.from_numpy(pixels).permute(2, 0, 1))
    assert sample.boxes.tolist() == [[1, 2, 11, 14], [5, 6, 12, 14]]
    assert sample.boxes.dtype == torch.float32
    assert sample.labels.tolist() == [1, 0]
    assert (sample.original_size, sample.image_id) == ((HEIGHT, WIDTH), 5)
    assert sample.seed == item_seed(7, 3, 5)


def test_crowds_and_boxes_without_area_are_not_learnt(tmp_path: Path) -> None:
    flat, crowd = {"bbox": [1, 2, 0, 5]}, {"bbox": [0, 0, 9, 9], "iscrowd": 1}
    records = make_records(tmp_path, flat, {"bbox": [1, 1, 4, 4]}, crowd)

    sample = DetectionDataset(records, unchanged, 0)[0, 0]

    assert len(records[0].boxes) == 3
    assert sample.boxes.tolist() == [[1, 1, 5, 5]]
    assert len(sample.labels) == 1


def test_boxes_that_a_transform_leaves_empty_go_with_their_labels(tmp_path: Path) -> None:
    outside = {"bbox": [25, 2, 10, 10], "category_id": 2}
    records = make_records(tmp_path, outside, {"bbox": [10, 2, 20, 10]})

    sample = DetectionDataset(records, left_half, 0)[0, 0]

    assert sample.boxes.tolist() == [[10, 2, 20, 12]]
    assert sample.labels.tolist() == [1]


def test_what_is_random_follows_from_seed_epoch_and_image(tmp_path: Path) -> None:
    records = make_records(tmp_path, {"bbox": [1, 2, 10, 12]})
    first, other = DetectionDataset(records, noisy, 1), DetectionDataset(records, noisy, 2)

    again = DetectionDataset(records, noisy, 1)[4, 0].image

    assert torch.equal(first[4, 0].image, again)
    assert not torch.equal(first[5, 0].image, again)
    assert not torch.equal(other[4, 0].image, again)


def test_cached_images_are_decoded_once_and_never_changed(tmp_path: Path) -> None:
    records = make_records(tmp_path, {"bbox": [1, 2, 10, 12]})
    cached = DetectionDataset(records, unchanged, 0, cache=True)
    plain = DetectionDataset(records, unchanged, 0)
    before = plain[0, 0].image

    cached.transform = whitened
    assert cached[0, 0].image.min() == 255
    cached.transform = unchanged
    (tmp_path / "a.png").unlink()

    assert torch.equal(cached[1, 0].image, before)
    with pytest.raises(ValueError, match=r"a\.png: no such image file"):
        plain[1, 0]


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
    records = make_records(tmp_path, {"bbox": [1, 2, 10, 12]})

    assert DetectionDataset(records, unchanged, 0, channels=1)[0, 0].image.shape[0] == 1


def test_an_annotation_of_another_size_is_refused(tmp_path: Path) -> None:
    records = make_records(tmp_path, {"bbox": [1, 2, 10, 12]}, height=WIDTH, width=HEIGHT)

    with pytest.raises(ValueError, match=r"a\.png: the file is 40 x 30 .* says 30 x 40"):
        DetectionDataset(records, unchanged, 0)[0, 0]


def damage(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:200])


@pytest.mark.parametrize(
    ("break_it", "message"), [(damage, "cannot be read"), (Path.unlink, "no such")]
)
def test_a_bad_image_stops_the_run_or_becomes_black(
    break_it: Callable[[Path], None],
    message: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    records = make_records(tmp_path, {"bbox": [1, 2, 10, 12]})
    break_it(tmp_path / "a.png")

    sample = DetectionDataset(records, unchanged, 0, bad_images="blank")[0, 0]

    assert sample.image.shape == (3, HEIGHT, WIDTH)
    assert not sample.image.any()
    assert (sample.boxes.shape, len(sample.labels)) == ((0, 4), 0)
    assert sample.original_size == (HEIGHT, WIDTH)
    [logged] = caplog.messages
    with pytest.raises(ValueError, match=rf"a\.png: {message}") as error:
        DetectionDataset(records, unchanged, 0)[0, 0]
    assert logged == f"{error.value}: trained as a black image without objects"


def test_a_bad_image_is_tried_again_in_each_epoch(tmp_path: Path) -> None:
    records = make_records(tmp_path, {"bbox": [1, 2, 10, 12]})
    dataset = DetectionDataset(records, unchanged, 0, bad_images="blank", cache=True)
    file = tmp_path / "a.png"
    content = file.read_bytes()
    damage(file)
    assert not dataset[0, 0].image.any()

    file.write_bytes(content)

    assert len(dataset[1, 0].boxes) == 1


def test_an_annotation_of_another_size_stops_the_run_in_any_case(tmp_path: Path) -> None:
    records = make_records(tmp_path, {"bbox": [1, 2, 10, 12]}, height=WIDTH, width=HEIGHT)

    with pytest.raises(ValueError, match="boxes would not fit"):
        DetectionDataset(records, unchanged, 0, bad_images="blank")[0, 0]


def test_large_images_are_refused(tmp_path: Path) -> None:
    records = make_records(tmp_path, {"bbox": [1, 2, 10, 12]})

    with pytest.raises(ValueError, match=r"a\.png.*megapixels"):
        DetectionDataset(records, unchanged, 0, max_megapixels=0.001)[0, 0]
