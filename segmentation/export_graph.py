"""A segmenter as one file for a server.

The graph takes `images`, (B, C, H, W) of 0 to 255 in the dtype that its description names, RGB where C is 3, each image
in the top left corner of a canvas of zeros, and `sizes`, (B, 2) int64 heights and widths inside the canvas; B, H and W
are free. It returns `labels` of each pixel of the canvas, (B, H, W) where it has one class and (B, K, H, W) of 0 and 1
where it may have several, and `probabilities` (B, K, H, W). It looks at whole images, once: windows, flips and scales
are left to who runs it. The description is part of the file: in the metadata of ONNX under "lumbar", in a .pt2, which
needs torch, as the extra file "lumbar.json". Of an ONNX file, this is all that a reader has to know:

    session = onnxruntime.InferenceSession("model.onnx")
    about = json.loads(session.get_modelmeta().custom_metadata_map["lumbar"])
    image = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB")
    short, long = about["resize"]["short"] or min(image.size), about["resize"]["long"] or math.inf
    scale = min(short / min(image.size), long / max(image.size))
    width, height = (round(side * scale) for side in image.size)
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    step, least = about["canvas"]["multiple"], about["canvas"]["least"]
    canvas = [max(least, -(-side // step) * step) for side in (height, width)]
    images = np.zeros((1, 3, *canvas), about["images"]["dtype"])
    images[0, :, :height, :width] = pixels
    inputs = {"images": images, "sizes": np.array([[height, width]])}
    ((probabilities,),) = session.run(["probabilities"], inputs)
    full = [
        np.asarray(Image.fromarray(row[:height, :width]).resize(image.size, Image.Resampling.BILINEAR))
        for row in probabilities
    ]
    labels = np.argmax(full, 0) if about["task"] == "multiclass" else np.stack(full) > 0.5

"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lumbar.ops.structures import Images
from lumbar.tasks.export_graph import CanvasRule, Exportable, Inputs
from segmentation.fcn import FCN
from segmentation.segmenter import Segmenter


class Answers(NamedTuple):
    """What the graph says of each pixel of the canvas."""

    labels: Tensor
    """uint8 (B, H, W) class in 0..K-1, or (B, K, H, W) 0 or 1."""
    probabilities: Tensor
    """(B, K, H, W) float."""


@torch.no_grad()
def answer(model: FCN, images: Images) -> Answers:
    """Labels and probabilities of whole images.

    Args:
        model: The segmenter.
        images: (B, C, H, W) canvas.

    Returns:
        Labels (B, H, W) or (B, K, H, W), and probabilities (B, K, H, W).
    """
    logits = model.logits(images)
    return Answers(model.task.decide(logits), model.task.probabilities(logits))


class _Graph(nn.Module):
    """`answer` on tensors alone."""

    def __init__(self, model: FCN) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
        """The fields of `Answers` for a canvas (B, C, H, W) with sizes (B, 2)."""
        return tuple(answer(self.model, Images(images, sizes, sizes)))


def make_exportable(segmenter: Segmenter) -> Exportable:
    """What of a segmenter on the CPU goes into a file: whole images to `Answers`, classes, the way of the pixels."""
    model, config = segmenter.model, segmenter.config
    resize = config.data.resize
    rule = CanvasRule.of(model.backbone.features, pad_multiple=config.data.pad_multiple)
    settings: dict[str, Any] = {
        "task": config.task,
        "classes": segmenter.classes.to_dict(),
        "resize": {"rule": resize.rule, "short": resize.test_short, "long": resize.long},
    }
    inputs = Inputs.of(segmenter.prepare, channels=segmenter.channels, canvas=rule)
    return Exportable(_Graph(model), inputs, Answers._fields, settings)
