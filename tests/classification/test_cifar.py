"""All published forms of CIFAR hold the same images; damaged files and pickles with code in them are refused."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from classification.cifar import read_cifar
from classification.labelled import Decoding
from tests.classification.made_up import cifar_rows, write_cifar_binary, write_cifar_python


@pytest.mark.parametrize("classes", [10, 100])
def test_python_and_binary_hold_the_same(tmp_path: Path, classes: int) -> None:
    write_cifar_python(tmp_path / "py", classes=classes, files=1)
    write_cifar_binary(tmp_path / "bin" / "train.bin", classes=classes)

    python = read_cifar(str(tmp_path / "py" / ("data_batch_*" if classes == 10 else "train")))
    binary = read_cifar(str(tmp_path / "bin" / "*.bin"))

    pixels, labels = cifar_rows(5, classes)
    assert python.labels.tolist() == binary.labels.tolist() == labels
    for index in range(5):
        image = python.read(index, Decoding())
        assert np.array_equal(image, pixels[index].reshape(3, 32, 32).transpose(1, 2, 0))
        assert np.array_equal(image, binary.read(index, Decoding()))
    assert python.class_names == tuple(f"class {number}" for number in range(classes))


def test_files_follow_each_other_in_the_order_of_their_names(tmp_path: Path) -> None:
    write_cifar_python(tmp_path, files=2)

    images = read_cifar(str(tmp_path / "data_batch_*"))

    assert images.labels.tolist() == cifar_rows(10, 10)[1]
    assert images.name(7) == "7"
    assert images.read(7, Decoding(channels=1)).shape == (32, 32, 1)


def test_class_names_come_from_their_list_or_are_those_of_cifar_10(tmp_path: Path) -> None:
    write_cifar_binary(tmp_path / "ten.bin")
    assert read_cifar(str(tmp_path / "ten.bin")).class_names[:2] == ("airplane", "automobile")

    (tmp_path / "batches.meta.txt").write_text("\n".join("abcdefghij") + "\n\n")
    assert read_cifar(str(tmp_path / "ten.bin")).class_names == tuple("abcdefghij")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            pickle.dumps({b"data": [1, 2], b"labels": [0]}, 2),
            r"no file of CIFAR, which has \(N, 3072",
        ),
        (pickle.dumps({b"data": np.zeros((1, 3072), np.uint8)}, 2), 'a list "labels" or'),
        (pickle.dumps([1], 2), "holds a mapping"),
        (
            pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}, 2),
            "2 images with 1",
        ),
        (pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [10]}, 2), "beyond the 10"),
        (b"cos\nsystem\n(S'true'\ntR.", "refused, it names os.system"),
        (b"not a pickle", "damaged"),
    ],
)
def test_what_is_no_file_of_cifar_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "data_batch_1"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=message):
        read_cifar(str(path))


def test_binary_files_must_be_whole(tmp_path: Path) -> None:
    path = tmp_path / "test.bin"
    for size in (0, 3072, 3000):
        path.write_bytes(bytes(size))
        with pytest.raises(ValueError, match=f"{size} bytes are no whole number of images"):
            read_cifar(str(path))
    with pytest.raises(ValueError, match="no such file of CIFAR"):
        read_cifar(str(tmp_path / "gone*"))
