"""The networks of a finished fit, ready for new cases; the data that they were trained on are not needed."""

from collections.abc import Sequence
from pathlib import Path

import torch

from lumbar.data.pixel_classes import PixelClasses
from medical.learning.network import torch_network
from medical.learning.run import StudyFolder, read_json
from medical.scans.decision import Decision
from medical.scans.prediction import Predictor
from medical.scans.preprocess import Preprocess
from segmentation.weights import load_segmenter


def load_ensemble(run: Path, *, device: str = "auto", batch: int = 8) -> Predictor:
    """Loads the folds of a fit, whose probabilities are averaged and calibrated.

    Args:
        run: Its run folder.
        device: `cpu`, `cuda` or one of several; auto: a GPU where there is one.
        batch: The most tiles that the networks get at a time.

    Raises:
        ValueError: It is no run folder of a fit, the fit is not finished, or there is no such device.
    """
    weights = fold_weights(run)
    folder = StudyFolder(run)
    return Predictor(
        torch_network(weights, chosen_device(device)),
        Preprocess.from_dict(read_json(folder.resolved)["preprocess"]),
        Decision.from_dict(read_json(folder.decision)),
        ensemble_classes(weights),
        batch,
    )


def fold_weights(run: Path) -> list[Path]:
    """The weights of each fold of a finished fit.

    Raises:
        ValueError: It is no run folder of a fit, or the fit is not finished.
    """
    folder = StudyFolder(run)
    if not folder.splits.is_file():
        raise ValueError(f"{run}: no run of fit (it has no {folder.splits.name}): name its folder")
    if not folder.decision.is_file():
        raise ValueError(f"{run}: this fit is not finished: go on with fit --resume auto")
    return [folder.fold(number).weights for number in range(len(folder.read_splits()))]


def ensemble_classes(weights: Sequence[Path]) -> PixelClasses:
    """The classes that the folds have been trained on."""
    return load_segmenter(str(weights[0])).classes


def chosen_device(device: str) -> torch.device:
    """The device of a name.

    Raises:
        ValueError: There is none.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        # Only what is put there shows whether it is.
        return torch.zeros(1, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"--device {device}: cannot be used ({error}); give cpu or cuda"
        ) from error
