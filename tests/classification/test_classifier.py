"""A classifier for use answers as it was evaluated, from files and from arrays, in batches of any size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classification.classifier import Classifier
from classification.data import make_datamodule
from classification.labelled import Decoding
from lumbar.training.run_folder import RunFolder
from tests.classification.runs import NAMES, tiny_run


@pytest.fixture(scope="module")
def classifier(run_folder: RunFolder) -> Classifier:
    return Classifier.load(run_folder.weights)


def test_files_and_arrays_get_the_same_answer(
    classifier: Classifier, examples: Path, tmp_path: Path
) -> None:
    data = make_datamodule(tiny_run(examples).data, in_channels=3, seed=0)
    crops = [data.images("val").read(index, Decoding()) for index in range(5)]
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for path, crop in zip(paths, crops, strict=True):
        Image.fromarray(crop).save(path)

    from_arrays, from_files = classifier.predict(crops), classifier.predict([*map(str, paths)])

    for one, other in zip(from_arrays, from_files, strict=True):
        assert np.array_equal(one.scores, other.scores)
        assert one.name == NAMES[one.label] == one.top(1)[0][0]
        assert [score for _, score in one.top()] == sorted(one.scores.tolist(), reverse=True)
    features = classifier.embed(crops)
    assert features.shape == (5, 128)
    np.testing.assert_allclose(features[:1], classifier.embed(crops[:1]), atol=1e-5)


def test_many_images_come_in_their_order(classifier: Classifier) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(35)]

    predictions = classifier.predict(images)

    assert len(predictions) == 35
    alone = classifier.predict([images[33]])[0]
    np.testing.assert_allclose(predictions[33].scores, alone.scores, atol=1e-5)


def test_a_missing_file_is_named(classifier: Classifier) -> None:
    with pytest.raises(ValueError, match=r"gone\.jpg: no such image file"):
        classifier.predict(["gone.jpg"])
