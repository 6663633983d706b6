"""A detector as one file for a server.

The graph takes `images`, (B, C, H, W) of 0 to 255 in the dtype that its description names, RGB where C is 3, each image
in the top left corner of a canvas of zeros, and `sizes`, (B, 2) int64 heights and widths inside the canvas; B, H and W
are free. It returns the fields of `Detections` in pixels of the canvas. The description is part of the file: in the
metadata of ONNX under "lumbar", in a .pt2 as the extra file "lumbar.json". A .pt2 needs torch, and `import
lumbar.ops.nms` before it is loaded; of an ONNX file, this is all that a reader has to know:

    session = onnxruntime.InferenceSession("model.onnx")
    about = json.loads(session.get_modelmeta().custom_metadata_map["lumbar"])
    image = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB")
    scale = min(about["resize"]["short"] / min(image.size), about["resize"]["long"] / max(image.size))
    width, height = (round(side * scale) for side in image.size)
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    step, least = about["canvas"]["multiple"], about["canvas"]["least"]
    canvas = [max(least, -(-side // step) * step) for side in (height, width)]
    images = np.zeros((1, 3, *canvas), about["images"]["dtype"])
    images[0, :, :height, :width] = pixels
    found = session.run(None, {"images": images, "sizes": np.array([[height, width]])})
    boxes, scores, labels = (field[found[3]] for field in found[:3])
    boxes *= [image.width / width, image.height / height] * 2

"""

from typing import Any

from torch import Tensor, nn
from torch.export import ExportedProgram

from detection.detector import Detector
from detection.faster_rcnn import FasterRCNN
from lumbar.ops.structures import Detections, Images
from lumbar.tasks.export_graph import CanvasRule, Exportable, Inputs, Translations


class _Graph(nn.Module):
    """`FasterRCNN.predict` on tensors alone."""

    def __init__(self, model: FasterRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
        """The fields of `Detections` for a canvas (B, C, H, W) with sizes (B, 2)."""
        return tuple(self.model.predict(Images(images, sizes, sizes)))


def make_exportable(detector: Detector) -> Exportable:
    """What of a detector on the CPU goes into a file: `predict`, its classes, the way of the pixels, thresholds."""
    model, resize = detector.model, detector.data.resize
    rule = CanvasRule.of(model.backbone.features, pad_multiple=detector.data.pad_multiple)
    last = model.roi_heads.postprocess
    settings: dict[str, Any] = {
        "classes": detector.categories.to_dict(),
        "resize": {"rule": resize.rule, "short": resize.test_short, "long": resize.long},
        "detections": {"score": last.score, "nms_iou": last.nms_iou, "most": last.detections},
    }
    return Exportable(
        graph=_Graph(model),
        inputs=Inputs.of(detector.prepare, channels=len(model.pixels.mean), canvas=rule),
        outputs=Detections._fields,
        settings=settings,
        translate=_translations,
    )


def _translations(program: ExportedProgram) -> Translations:
    """Needs the packages of ONNX, which a .pt2 does without."""
    from detection.export_onnx import translations

    return translations(program)
