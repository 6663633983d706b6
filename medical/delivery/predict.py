"""New cases, segmented by all folds of a fit together."""

import logging
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from lumbar.files import atomic_write
from medical.delivery.ensemble import load_ensemble
from medical.delivery.overlay import draw_overlay
from medical.scans.dicom_seg import write_dicom_seg
from medical.scans.prediction import Prediction, Predictor
from medical.scans.results import FOLDERS, Also, Row, predict_sources
from medical.scans.sources import Source, find_sources
from medical.scans.volume import Volume

_DRAWN, _SEG = "drawn", "seg"

_log = logging.getLogger(__name__)


def predict(
    run: Path,
    sources: Sequence[str],
    output: Path,
    *,
    device: str = "auto",
    batch: int = 8,
    maps: bool = False,
    seg: bool = False,
) -> None:
    """Segments pictures and scans.

    Writes into `output`, beside what `predict_sources` does, `drawn/`: of each case one picture of the slice with most
    foreground.

    Args:
        run: The run folder of a fit.
        sources: Files, folders of them or of DICOM series, and globs.
        output: Folder of the results.
        device: `cpu`, `cuda`, or auto: a GPU where there is one.
        batch: The most tiles that the networks get at a time.
        maps: Whether probabilities and uncertainty are written, too.
        seg: Whether DICOM-SEG is written of DICOM series into `seg/`, too.

    Raises:
        ValueError: The run is none or not finished, there is nothing to predict, or some cases could not be predicted:
            the others have been.
    """
    if seg and find_spec("highdicom") is None:
        raise ValueError("--seg: DICOM-SEG needs highdicom: pip install 'lumbar[dicom]'")
    predictor = load_ensemble(run, device=device, batch=batch)
    folders = [output / folder for folder in (*FOLDERS, _DRAWN, _SEG)]
    found = find_sources(sources, channels=predictor.preprocess.channels, outside=folders)
    _log.info("%d cases", len(found))
    _log.info("pictures  %s", output / _DRAWN)
    also = _also(predictor, output, seg=seg)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        predict_sources(predictor, _tracked(found, progress), output, maps=maps, also=also)


def _tracked(sources: Sequence[Source], progress: Progress) -> Iterator[Source]:
    task = progress.add_task("predict", total=len(sources))
    for source in sources:
        progress.update(task, description=escape(source.name))
        yield source
        progress.advance(task)


def _also(predictor: Predictor, output: Path, *, seg: bool) -> Also:
    """Draws each case, and writes DICOM-SEG where it is wanted."""
    classes = predictor.classes

    def also(source: Source, volume: Volume, prediction: Prediction, row: Row) -> None:
        picture = draw_overlay(
            volume,
            prediction.labels,
            classes,
            intensity=predictor.preprocess.intensity,
            legend=[f"{name} {row[f'volume {name}']} {row['unit']}" for name in classes.names[1:]],
        )
        with atomic_write(output / _DRAWN / f"{source.name}.png") as partial:
            Image.fromarray(picture).save(partial, format="PNG")
        if seg and volume.kind == "dicom":
            write_dicom_seg(
                output / _SEG / f"{source.name}.dcm",
                prediction.labels,
                like=volume,
                classes=classes,
            )

    return also
