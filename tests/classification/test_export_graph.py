"""A classifier in a file, in onnxruntime and through torch, says the same; and says what a reader has to know."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from classification import export_graph
from classification.export_graph import make_exportable
from classification.network import Classification
from lumbar.ops.structures import Images
from lumbar.tasks.export_files import Format, open_exported, write
from lumbar.tasks.export_graph import trace
from tests.classification.small_classifier import EDGE, NAMES, small_classifier

FORMATS: tuple[Format, ...] = ("onnx", "pt2")
PHOTO = "coco/images/000000062554.jpg"
READER = """
import json, sys
import numpy as np
import onnxruntime
from PIL import Image, ImageOps
{documented}
assert "torch" not in sys.modules
np.save("scores.npy", scores)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[Format, Path]:
    exportable = make_exportable(small_classifier())
    program, folder = trace(exportable), tmp_path_factory.mktemp("exported")
    paths: dict[Format, Path] = {form: folder / f"model.{form}" for form in FORMATS}
    for form, path in paths.items():
        write(program, exportable, path, kind=form)
    return paths


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("batch", [1, 3])
def test_any_number_of_images_gets_the_same_answer(
    form: Format, batch: int, files: dict[Format, Path], examples: Path
) -> None:
    classifier = small_classifier()
    photo = classifier.read(examples / PHOTO)
    views = [classifier.prepare(np.rot90(photo, turn)) for turn in range(batch)]
    images = Images(*(torch.cat(fields) for fields in zip(*views, strict=True)))
    assert images.canvas.shape == (batch, 3, EDGE, EDGE)

    found = Classification(*open_exported(files[form], form)(images.canvas, images.sizes))

    expected = classifier.model.predict(images)
    assert expected.scores.max() > 2 * expected.scores.min()
    torch.testing.assert_close(found.scores, expected.scores, rtol=0, atol=1e-6)
    assert torch.equal(found.labels, expected.labels)


def test_the_description_is_enough_to_read_the_file(
    files: dict[Format, Path], examples: Path, tmp_path: Path
) -> None:
    """The lines that are documented, run without torch."""
    lines = (export_graph.__doc__ or "").split(":\n\n")[1]
    code = textwrap.dedent(lines).replace("model.onnx", str(files["onnx"]))
    code = code.replace("photo.jpg", str(examples / PHOTO))
    done = subprocess.run(
        [sys.executable, "-c", READER.format(documented=code)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr

    (found,) = small_classifier().predict([examples / PHOTO])
    scores = np.load(tmp_path / "scores.npy")
    assert done.stdout.split()[0] == found.name == NAMES[int(scores.argmax())]
    np.testing.assert_allclose(scores, found.scores, atol=0.02)  # resized by another library
