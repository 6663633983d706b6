"""Features are those of the network, one row for each image, and their file reads back."""

from pathlib import Path

import numpy as np
import pytest
import torch

from classification.classifier import Classifier
from classification.data import make_datamodule
from classification.features import extract, load_features, save_features
from classification.labelled import Decoding
from lumbar.training.run_folder import RunFolder
from tests.classification.runs import NAMES, tiny_run


def test_a_split_has_a_row_for_each_image(
    run_folder: RunFolder, examples: Path, tmp_path: Path
) -> None:
    data = make_datamodule(
        tiny_run(examples, ["data.eval_batch_size_per_device=5"]).data, in_channels=3, seed=0
    )
    classifier = Classifier.load(run_folder.weights)

    features = extract(classifier.model, data, "train")

    images = data.images("train")
    crops = [images.read(index, Decoding()) for index in range(len(images))]
    np.testing.assert_allclose(features.rows.numpy(), classifier.embed(crops), atol=1e-5)
    assert features.labels.tolist() == images.labels.tolist()
    assert features.class_names == NAMES
    assert features.names[0] == images.name(0)
    lengths = features.directions().norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))

    save_features(tmp_path / "x.npz", features)
    again = load_features(tmp_path / "x.npz")
    assert torch.equal(again.rows, features.rows)
    assert torch.equal(again.labels, features.labels)
    assert again[2:] == features[2:]


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    for content in (b"x", b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="no file of features"):
            load_features(path)
    np.savez(path, rows=np.zeros(3))
    with pytest.raises(ValueError, match="no file of features"):
        load_features(path)
