"""A detector loaded from a run finds the same in files and arrays, in their pixels."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detection.detector import Detector, Prediction
from lumbar.data.image_io import read_image
from lumbar.training.run_folder import RunFolder


@pytest.fixture(scope="module")
def detector(run_folder: RunFolder) -> Detector:
    return Detector.load(run_folder.weights)


@pytest.fixture(scope="module")
def files(examples: Path) -> list[Path]:
    return sorted((examples / "bccd" / "images").iterdir())[:2]


def same(a: Prediction, b: Prediction) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_predictions_are_in_pixels_of_the_file(detector: Detector, files: list[Path]) -> None:
    for boxes, scores, labels, names, ids in detector.predict(files):
        assert 0 < len(boxes) == len(scores) == len(labels) == len(names) == len(ids)
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert boxes.min() >= 0
        assert 128 < boxes[:, 2].max() <= 640, "of the canvas, not of the file"
        assert boxes[:, 3].max() <= 480
        assert (np.diff(scores) <= 0).all()


def test_classes_are_those_of_the_annotation_file(detector: Detector, files: list[Path]) -> None:
    categories = detector.categories
    assert categories.names == ("RBC", "WBC", "Platelets")
    for prediction in detector.predict(files):
        for label, name, key in zip(*prediction[2:], strict=True):
            assert (name, key) == (categories.names[label], categories.ids[label])


def test_files_arrays_and_names_are_the_same_images(detector: Detector, files: list[Path]) -> None:
    by_path, by_name, by_array = detector.predict([files[0], str(files[0]), read_image(files[0])])

    assert same(by_path, by_name)
    assert same(by_path, by_array)


def test_images_do_not_depend_on_each_other(detector: Detector, files: list[Path]) -> None:
    together = detector.predict(files)

    assert not same(*together)
    assert all(
        same(found, *detector.predict([file])) for file, found in zip(files, together, strict=True)
    )


def test_a_score_leaves_the_better_ones(detector: Detector, files: list[Path]) -> None:
    (every,) = detector.predict(files[:1])
    middle = float(every.scores[len(every.scores) // 2])

    (best,) = detector.predict(files[:1], score=middle)

    count = int((every.scores >= middle).sum())
    assert len(best.boxes) == count < len(every.boxes)
    assert np.array_equal(best.boxes, every.boxes[:count])


def test_the_array_of_the_caller_stays_as_it_is(detector: Detector, files: list[Path]) -> None:
    image: NDArray[np.uint8] = read_image(files[0])
    before = image.copy()

    detector.predict([image])

    assert np.array_equal(image, before)


def test_a_stream_reads_one_image_at_a_time(detector: Detector, files: list[Path]) -> None:
    predictions = detector.stream([files[0], Path("missing.jpg")])

    assert len(next(predictions).boxes)
    with pytest.raises(ValueError, match=r"missing\.jpg: no such image file"):
        next(predictions)
