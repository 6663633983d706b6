"""A detector in a file, in onnxruntime and through torch, finds the same; and says what a reader has to know."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from detection import export_graph
from detection.detector import Detector
from detection.export_check import compare
from detection.export_graph import make_exportable
from lumbar.data.config import DataConfig
from lumbar.ops.structures import Detections, Images
from lumbar.tasks.export_files import Format, open_exported, write
from lumbar.tasks.export_graph import CanvasRule, Run, trace
from tests.conftest import ROOT
from tests.detection.parts import make_images, tiny_detector
from tests.detection.small_detector import CATEGORIES, small_detector

PHOTO, CROWDED = "coco/images/000000062554.jpg", "coco/images/000000501760.jpg"
FORMATS: tuple[Format, ...] = ("onnx", "pt2")
PRESETS = (
    "lumbar",
    *(
        pytest.param(preset, marks=pytest.mark.slow)
        for preset in ("torchvision", "torchvision_v2", "detectron2", "mmdet")
    ),
)
READER = """
import json, sys
import numpy as np
import onnxruntime
from PIL import Image, ImageOps
{documented}
assert "torch" not in sys.modules
print(json.dumps([boxes.tolist(), scores.tolist(), labels.tolist()]))
"""


class Exported(NamedTuple):
    """A detector and the files that were made of it."""

    detector: Detector
    files: dict[Format, Path]
    runs: dict[Format, Run]

    def check(self, images: Images) -> Detections:
        """Checks both files against the detector, and returns what it detects."""
        expected = self.detector.model.predict(images)
        for run in self.runs.values():
            found = Detections(*run(images.canvas, images.sizes))
            assert [(x.dtype, x.shape) for x in found] == [(x.dtype, x.shape) for x in expected]
            assert torch.equal(found.valid, expected.valid)
            assert compare(expected, found, min_score=0.05).is_within(1e-3, 1e-4)
            for field, other in zip(found, expected, strict=True):
                assert torch.equal(field[~found.valid], other[~found.valid])
        return expected


@pytest.fixture(scope="module", params=PRESETS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    detector, folder = small_detector(request.param), tmp_path_factory.mktemp("exported")
    files: dict[Format, Path] = {kind: folder / f"model.{kind}" for kind in FORMATS}
    exportable = make_exportable(detector)
    program = trace(exportable)
    for kind, file in files.items():
        write(program, exportable, file, kind=kind)
    runs = {kind: open_exported(file, kind) for kind, file in files.items()}
    return Exported(detector, files, runs)


@pytest.fixture
def photo(exported: Exported, examples: Path) -> NDArray[np.uint8]:
    """Twice as wide as high."""
    return exported.detector.read(examples / PHOTO)[:300, :600]


def test_photos_on_either_side_give_the_same(exported: Exported, photo: NDArray[np.uint8]) -> None:
    for pixels, canvas in ((photo, (96, 160)), (np.rot90(photo), (160, 96))):
        images = exported.detector.prepare(pixels)
        assert images.canvas.shape == (1, 3, *canvas)
        assert exported.check(images).valid.any()


def test_batches_on_larger_canvases_give_the_same(
    exported: Exported, photo: NDArray[np.uint8]
) -> None:
    image = exported.detector.prepare(photo)
    turned = exported.detector.prepare(np.rot90(photo))
    square = CanvasRule(multiple=160, least=160)
    pair = Images(
        *(torch.cat(fields) for fields in zip(square.fit(image), square.fit(turned), strict=True))
    )
    for images in (pair, Images(*(field.repeat_interleave(2, 0) for field in pair))):
        together = exported.check(images)
        assert together.valid.any(1).all()


def test_the_least_canvas_gives_the_same(exported: Exported) -> None:
    least = make_exportable(exported.detector).inputs.canvas.least
    dtype = exported.detector.prepare(np.zeros((9, 9, 3), np.uint8)).canvas.dtype
    images = make_images(((least, least),), canvas=(least, least))

    exported.check(images._replace(canvas=images.canvas.to(dtype)))


def test_a_full_list_is_the_same(exported: Exported, examples: Path) -> None:
    detections = exported.check(exported.detector.prepare(examples / CROWDED))

    assert detections.valid.all()


@pytest.mark.parametrize("factors", [(1, 0), (0, 0)])
def test_images_without_pixels_give_nothing(
    exported: Exported, photo: NDArray[np.uint8], factors: tuple[int, int]
) -> None:
    pair = Images(*(field.repeat_interleave(2, 0) for field in exported.detector.prepare(photo)))
    sizes = pair.sizes * torch.tensor(factors)[:, None]

    detections = exported.check(pair._replace(sizes=sizes))

    assert detections.valid.any(1).tolist() == [factor > 0 for factor in factors]


def test_a_file_says_how_it_is_used(exported: Exported) -> None:
    about = make_exportable(exported.detector).describe()

    session = onnxruntime.InferenceSession(exported.files["onnx"])
    with ZipFile(exported.files["pt2"]) as archive:
        (extra,) = (name for name in archive.namelist() if name.endswith("/lumbar.json"))

        assert json.loads(archive.read(extra)) == about
    assert json.loads(session.get_modelmeta().custom_metadata_map["lumbar"]) == about
    assert about["classes"] == {"names": list(CATEGORIES.names), "ids": list(CATEGORIES.ids)}
    assert about["resize"]["short"] == 96
    assert about["detections"] == {"score": 0.05, "nms_iou": 0.5, "most": 20}
    images, sizes = session.get_inputs()
    assert (images.name, images.shape) == ("images", ["batch", 3, "height", "width"])
    assert images.type == f"tensor({about['images']['dtype'].replace('float32', 'float')})"
    assert (sizes.name, sizes.shape, sizes.type) == ("sizes", ["batch", 2], "tensor(int64)")
    assert [output.name for output in session.get_outputs()] == list(Detections._fields)


def test_the_documented_lines_find_the_same_without_torch(
    exported: Exported, examples: Path
) -> None:
    if exported.detector.data.resize.rule != "antialias":
        pytest.skip("the lines are for the rule that enlarges and shrinks as Pillow does")
    folder = exported.files["onnx"].parent
    (folder / "photo.jpg").symlink_to(examples / PHOTO)
    documented = textwrap.dedent((export_graph.__doc__ or "").partition(":\n\n")[2])
    command = [sys.executable, "-c", READER.format(documented=documented)]

    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)

    boxes, scores, labels = (torch.tensor(field) for field in json.loads(done.stdout))
    expected = exported.detector.predict([examples / PHOTO])[0]
    assert labels.bincount().tolist() == np.bincount(expected.labels).tolist()
    distance = (boxes[:, None] - torch.from_numpy(expected.boxes)).abs().amax(-1)
    assert distance.amin(1).max() < 1
    assert scores.numpy() == pytest.approx(expected.scores, abs=1e-3)


def test_a_file_names_no_folder_of_the_machine_it_was_made_on(exported: Exported) -> None:
    for file in exported.files.values():
        assert str(ROOT).encode() not in file.read_bytes()


@pytest.mark.parametrize(
    ("pad_multiple", "rule"), [(1, (32, 96)), (48, (96, 96)), (128, (128, 128))]
)
def test_canvases_suit_the_pyramid_and_the_padding(
    pad_multiple: int, rule: tuple[int, int]
) -> None:
    data = DataConfig(pad_multiple=pad_multiple)
    detector = Detector(tiny_detector(), categories=CATEGORIES, data=data)

    assert make_exportable(detector).inputs.canvas == rule
