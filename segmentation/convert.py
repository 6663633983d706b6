"""Segmenters of other zoos into files of ours."""

from pathlib import Path

from backbones.files import WeightsFile, read_weights
from backbones.weights import fetch
from backbones.zoo import Style
from segmentation.weights import SegmenterWeights, save_segmenter
from segmentation.zoo import PUBLISHED_SEGMENTERS, SEGMENTERS
from segmentation.zoo_segmenter import translate_segmenter


def holds_segmenter(source: str) -> bool:
    """Whether `convert` takes a source: its names are those of a known segmenter, or it is one by name.

    Raises:
        ValueError: It is missing or damaged, or holds code.
    """
    return any(layout.sign in _read(source).state for layout in SEGMENTERS)


def convert(source: str, output: Path, style: Style | None = None) -> str:
    """Writes a segmenter of another zoo as a `.safetensors` file of Lumbar.

    Args:
        source: A `.pth`, `.pt` or `.safetensors` file, or torchvision's name of a segmenter.
        output: The file to write.
        style: Order and scale of pixels and place of the stride; None takes what the file says, or what is usual.

    Returns:
        What was found and what became of every tensor.

    Raises:
        ValueError: The source is missing, damaged, holds code or another network, or is Lumbar's already.
    """
    file = _read(source)
    if "lumbar" in file.notes:
        raise ValueError(f"{source}: a file of Lumbar already, there is nothing to convert")
    config, classes, translation = translate_segmenter(file, source, style)
    save_segmenter(output, SegmenterWeights(translation.state, config, classes))
    name, head = config.model.backbone.name, config.model.head.name
    return f"{translation}\n{output}: FCN with {name}, head {head} and {len(classes)} classes, {config.task}"


def _read(source: str) -> WeightsFile:
    if source in PUBLISHED_SEGMENTERS:
        return WeightsFile(fetch(PUBLISHED_SEGMENTERS[source], source, instead="give a FILE"), {})
    return read_weights(Path(source))
