"""Files of other zoos into files of ours: whole detectors, and residual networks alone."""

from pathlib import Path

import lumbar
from backbones.files import WeightsFile, read_weights
from backbones.pickles import read_pickle
from backbones.weights import fetch
from backbones.zoo import BODIES, Style, find_layout
from backbones.zoo_body import translate_body
from detection.weights import DetectorWeights, save_detector
from detection.zoo import DETECTORS, PUBLISHED_DETECTORS
from detection.zoo_detector import translate_detector
from lumbar.training.checkpoint import save_weights


def convert(source: str, output: Path, style: Style | None = None) -> str:
    """Writes the weights of another zoo as a `.safetensors` file of Lumbar.

    Args:
        source: A `.pth`, `.pt`, `.pkl` or `.safetensors` file, or torchvision's name of a detector.
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
    layout = find_layout(file.state, (*DETECTORS, *BODIES), source)
    if layout in BODIES:
        body = translate_body(file, source, style)
        metadata = {"lumbar": lumbar.__version__, "arch": body.arch}
        save_weights(output, body.translation.state, metadata)
        return f"{body.translation}\n{output}: {body.arch}, for model.backbone.weights"
    config, categories, translation = translate_detector(file, source, style)
    save_detector(output, DetectorWeights(translation.state, config, categories))
    name = config.model.backbone.name
    return f"{translation}\n{output}: Faster R-CNN with {name} and {len(categories)} classes, preset {config.preset}"


def _read(source: str) -> WeightsFile:
    if source in PUBLISHED_DETECTORS:
        state = fetch(PUBLISHED_DETECTORS[source], source, instead="give a FILE")
        return WeightsFile(state, {})
    path = Path(source)
    return read_pickle(path) if path.suffix == ".pkl" else read_weights(path)
