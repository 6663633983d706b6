"""A classifier as one file for a server.

The graph takes `images`, (B, C, H, W) of 0 to 255 in the dtype that its description names, RGB where C is 3, and
`sizes`, (B, 2) int64 heights and widths of the images inside; B is free, H and W are those of the description. It
returns the `labels` (B,) of the best classes, and the `scores` (B, K) of all. The description is part of the file: in
the metadata of ONNX under "lumbar", in a .pt2, which needs torch, as the extra file "lumbar.json". Of an ONNX file,
this is all that a reader has to know:

    session = onnxruntime.InferenceSession("model.onnx")
    about = json.loads(session.get_modelmeta().custom_metadata_map["lumbar"])
    image = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB")
    short, edge = about["frame"]["short"], about["frame"]["edge"]
    sides = (side * short // min(image.size) for side in image.size)
    image = image.resize(tuple(sides), Image.Resampling.BILINEAR)
    left, top = (round((side - edge) / 2) for side in image.size)
    pixels = np.asarray(image.crop((left, top, left + edge, top + edge))).transpose(2, 0, 1)
    height, width = about["canvas"]["height"], about["canvas"]["width"]
    images = np.zeros((1, 3, height, width), about["images"]["dtype"])
    images[0, :, :edge, :edge] = pixels
    inputs = {"images": images, "sizes": np.array([[edge, edge]])}
    ((scores,),) = session.run(["scores"], inputs)
    print(about["class_names"][scores.argmax()], scores.max())

"""

from typing import Any

import numpy as np
from torch import Tensor, nn

from classification.classifier import Classifier
from classification.network import Classification, PooledNetwork
from lumbar.ops.structures import Images
from lumbar.tasks.export_graph import Exportable, FixedCanvas, Inputs


class _Graph(nn.Module):
    """A classifier on tensors alone."""

    def __init__(self, model: PooledNetwork) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
        """The fields of `Classification` for a canvas (B, C, H, W) with sizes (B, 2)."""
        return tuple(self.model.predict(Images(images, sizes, sizes)))


def make_exportable(classifier: Classifier) -> Exportable:
    """What of a classifier on the CPU goes into a file: framed images to `Classification`, classes, the frame."""
    frame, channels = classifier.config.data.frame, classifier.channels
    sample = classifier.prepare(np.zeros((1, 1, channels), np.uint8))
    settings: dict[str, Any] = {
        "task": "classification",
        "class_names": [*classifier.class_names],
        "frame": {"rule": frame.rule, "short": frame.test_resize, "edge": frame.test_size},
    }
    inputs = Inputs(channels, sample.canvas.dtype, FixedCanvas(*sample.canvas.shape[-2:]))
    return Exportable(_Graph(classifier.model), inputs, Classification._fields, settings)
