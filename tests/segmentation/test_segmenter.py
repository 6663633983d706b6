"""A segmenter loaded from a file labels files and arrays alike, in their pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from lumbar.data.image_io import read_image
from segmentation.segmenter import Segmenter
from tests.segmentation.pointwise import noise
from tests.segmentation.tiny_segmenter import CLASSES, pointwise_segmenter, save_tiny


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    return Segmenter.load(save_tiny(tmp_path_factory.mktemp("weights") / "tiny.safetensors"))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two noisy images of different sizes."""
    for name, size in (("a", (50, 70)), ("b", (33, 20))):
        Image.fromarray(pixels(*size)).save(tmp_path / f"{name}.png")
    return [tmp_path / "a.png", tmp_path / "b.png"]


def pixels(height: int, width: int) -> NDArray[np.uint8]:
    return noise(1, height, width).canvas[0].permute(1, 2, 0).contiguous().numpy()


def test_labels_are_in_the_size_of_the_file(segmenter: Segmenter, files: list[Path]) -> None:
    for prediction, size in zip(segmenter.predict(files), [(50, 70), (33, 20)], strict=True):
        assert prediction.labels.shape == size
        assert prediction.labels.dtype == np.uint8
        assert set(np.unique(prediction.labels)) <= {0, 1, 2}
        assert prediction.names == CLASSES.names


def test_areas_are_counted_pixels(segmenter: Segmenter, files: list[Path]) -> None:
    for prediction in segmenter.predict(files):
        counted = [(prediction.labels == label).sum() for label in range(3)]
        assert prediction.pixels.tolist() == counted
        assert prediction.shares.sum() == pytest.approx(1)
        assert prediction.shares[1] == counted[1] / prediction.labels.size


def test_files_arrays_and_names_are_the_same_images(
    segmenter: Segmenter, files: list[Path]
) -> None:
    by_path, by_name, by_array = segmenter.predict([files[0], str(files[0]), read_image(files[0])])

    assert len(np.unique(by_path.labels)) > 1
    assert np.array_equal(by_path.labels, by_name.labels)
    assert np.array_equal(by_path.labels, by_array.labels)


def test_images_do_not_depend_on_each_other(segmenter: Segmenter, files: list[Path]) -> None:
    together = segmenter.predict(files)

    for file, prediction in zip(files, together, strict=True):
        assert np.array_equal(segmenter.predict([file])[0].labels, prediction.labels)


def test_labels_are_the_likeliest_classes(segmenter: Segmenter, files: list[Path]) -> None:
    probabilities = segmenter.probabilities(files[0])

    assert probabilities.shape == (3, 50, 70)
    np.testing.assert_allclose(probabilities.sum(0), 1, rtol=1e-5)
    assert np.array_equal(probabilities.argmax(0), segmenter.predict(files[:1])[0].labels)


def test_resized_images_are_labelled_in_their_own_size(files: list[Path]) -> None:
    resized = pointwise_segmenter(data={"resize": {"test_short": 100, "long": 120}})
    image = np.full((50, 70, 3), 30, dtype=np.uint8)
    image[:, 35:] = 220

    prediction = resized.predict([image])[0]

    assert resized.model.backbone.seen == [(1, 3, 96, 128)]  # 120 / 70 larger, on a canvas
    expected = pointwise_segmenter().predict([image])[0]
    np.testing.assert_array_equal(prediction.labels, expected.labels)
    assert len(np.unique(expected.labels)) == 2


def test_pixels_may_have_several_classes() -> None:
    segmenter = pointwise_segmenter(task="multilabel")
    image = pixels(40, 60)

    prediction = segmenter.predict([image])[0]

    assert prediction.labels.shape == (3, 40, 60)
    assert np.array_equal(prediction.labels == 1, segmenter.probabilities(image) > 0.5)
    assert prediction.pixels.tolist() == prediction.labels.sum((1, 2)).tolist()
    assert len(np.unique(prediction.labels.sum(0))) > 2


@pytest.mark.parametrize("window", [(64, 64), (32, 48)])
def test_windows_label_as_the_whole_image(window: tuple[int, int]) -> None:
    image = pixels(90, 101)
    slide: dict[str, Any] = {"mode": "slide", "window": window}

    by_windows = pointwise_segmenter(inference=slide)

    expected = pointwise_segmenter().probabilities(image)
    np.testing.assert_allclose(by_windows.probabilities(image), expected, rtol=1e-6)
    assert {shape[2:] for shape in by_windows.model.backbone.seen} == {window}


def test_grey_images_have_one_channel(tmp_path: Path, files: list[Path]) -> None:
    grey = pointwise_segmenter(channels=1)

    prediction = grey.predict(files[:1])[0]

    assert grey.read(files[0]).shape == (50, 70, 1)
    assert prediction.labels.shape == (50, 70)


def test_the_array_of_the_caller_stays_as_it_is(segmenter: Segmenter) -> None:
    image = pixels(40, 40)
    before = image.copy()

    segmenter.predict([image])

    assert np.array_equal(image, before)


def test_a_stream_reads_one_image_at_a_time(segmenter: Segmenter, files: list[Path]) -> None:
    predictions = segmenter.stream([files[0], Path("missing.png")])

    assert next(predictions).labels.any()
    with pytest.raises(ValueError, match=r"missing\.png: no such image file"):
        next(predictions)


def test_larger_files_than_allowed_are_refused(files: list[Path]) -> None:
    strict = pointwise_segmenter(data={"max_image_megapixels": 0.001})

    with pytest.raises(ValueError, match=r"a\.png.*limit of 0\.001 megapixels"):
        strict.predict(files)


def test_nothing_is_trained(segmenter: Segmenter) -> None:
    assert not segmenter.model.training
    image = torch.from_numpy(pixels(40, 40)).numpy()
    first, second = segmenter.predict([image, image])
    assert np.array_equal(first.labels, second.labels)
