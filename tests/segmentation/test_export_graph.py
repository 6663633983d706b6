"""A segmenter in a file, in onnxruntime and through torch, says the same; and says what a reader has to know."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from lumbar.ops.structures import Images
from lumbar.tasks.export_files import Format, open_exported, write
from lumbar.tasks.export_graph import CanvasRule, Run, trace
from segmentation import export_graph
from segmentation.export_graph import Answers, answer, make_exportable
from segmentation.segmenter import Segmenter
from tests.segmentation.export_parts import CLASSES, small_segmenter
from tests.segmentation.small_fcn import make_images

PHOTO = "coco/images/000000062554.jpg"
FORMATS: tuple[Format, ...] = ("onnx", "pt2")
SEGMENTERS = (
    ("plain", "multilabel"),
    ("pyramid", "multiclass"),
    *(
        pytest.param((kind, "multiclass"), marks=pytest.mark.slow)
        for kind in ("skip", "plain", "d6")
    ),
)
READER = """
import json, math, sys
import numpy as np
import onnxruntime
from PIL import Image, ImageOps
{documented}
assert "torch" not in sys.modules
np.save("labels.npy", labels.astype(np.uint8))
"""


class Exported(NamedTuple):
    """A segmenter and the files that were made of it."""

    segmenter: Segmenter
    files: dict[Format, Path]
    runs: dict[Format, Run]

    def check(self, images: Images) -> Answers:
        """Checks both files against the segmenter, and returns what it says."""
        expected = answer(self.segmenter.model, images)
        for run in self.runs.values():
            found = Answers(*run(images.canvas, images.sizes))
            assert [(x.dtype, x.shape) for x in found] == [(x.dtype, x.shape) for x in expected]
            torch.testing.assert_close(
                found.probabilities, expected.probabilities, rtol=0, atol=1e-5
            )
            assert (found.labels != expected.labels).float().mean() < 1e-4
            assert torch.equal(
                self.segmenter.model.task.decide(found.probabilities.logit()), found.labels
            )
        return expected


@pytest.fixture(scope="module", params=SEGMENTERS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    kind, task = request.param
    segmenter, folder = small_segmenter(kind, task=task), tmp_path_factory.mktemp("exported")
    files: dict[Format, Path] = {form: folder / f"model.{form}" for form in FORMATS}
    exportable = make_exportable(segmenter)
    program = trace(exportable)
    for form, file in files.items():
        write(program, exportable, file, kind=form)
    return Exported(
        segmenter, files, {form: open_exported(file, form) for form, file in files.items()}
    )


@pytest.fixture
def photo(exported: Exported, examples: Path) -> NDArray[np.uint8]:
    """Twice as wide as high."""
    return exported.segmenter.read(examples / PHOTO)[:300, :600]


def test_photos_on_either_side_give_the_same(exported: Exported, photo: NDArray[np.uint8]) -> None:
    for pixels, canvas in ((photo, (96, 160)), (np.rot90(photo), (160, 96))):
        images = exported.segmenter.prepare(pixels)
        assert images.canvas.shape == (1, 3, *canvas)
        assert len(exported.check(images).labels.unique()) > 1


def test_batches_on_larger_canvases_give_the_same(
    exported: Exported, photo: NDArray[np.uint8]
) -> None:
    square = CanvasRule(multiple=160, least=160)
    views = [square.fit(exported.segmenter.prepare(view)) for view in (photo, np.rot90(photo))]

    exported.check(Images(*(torch.cat([*fields, *fields]) for fields in zip(*views, strict=True))))


def test_the_least_canvas_gives_the_same(exported: Exported) -> None:
    rule = make_exportable(exported.segmenter).inputs.canvas
    dtype = make_exportable(exported.segmenter).inputs.dtype
    images = make_images([(rule.least, rule.least)], canvas=(rule.least, rule.least))

    exported.check(images._replace(canvas=images.canvas.to(dtype)))


def test_a_file_says_how_it_is_used(exported: Exported) -> None:
    session = onnxruntime.InferenceSession(exported.files["onnx"])
    about = json.loads(session.get_modelmeta().custom_metadata_map["lumbar"])

    assert about == make_exportable(exported.segmenter).describe()
    assert about["classes"] == CLASSES.to_dict()
    assert about["task"] == exported.segmenter.config.task
    assert about["resize"] == {"rule": "antialias", "short": 96, "long": 160}
    assert [output.name for output in session.get_outputs()] == ["labels", "probabilities"]


def test_the_documented_lines_say_the_same_without_torch(
    exported: Exported, examples: Path
) -> None:
    folder = exported.files["onnx"].parent
    (folder / "photo.jpg").symlink_to(examples / PHOTO)
    documented = textwrap.dedent((export_graph.__doc__ or "").partition(":\n\n")[2])
    command = [sys.executable, "-c", READER.format(documented=documented)]

    subprocess.run(command, cwd=folder, check=True)

    labels = np.load(folder / "labels.npy")
    (expected,) = exported.segmenter.predict([examples / PHOTO])
    assert labels.shape == expected.labels.shape
    assert (labels != expected.labels).mean() < 0.01


@pytest.mark.parametrize(
    ("kind", "multiple", "rule"),
    [
        ("pyramid", 1, (32, 96)),
        ("pyramid", 128, (128, 128)),
        ("plain", 1, (8, 16)),
        ("skip", 32, (32, 64)),
    ],
)
def test_canvases_suit_the_maps_and_the_padding(
    kind: str, multiple: int, rule: tuple[int, int]
) -> None:
    assert make_exportable(small_segmenter(kind, multiple=multiple)).inputs.canvas == rule
