"""From a finished fit to a folder that segments without torch, and has been found to say the same."""

import logging
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

import lumbar
from medical.delivery.bundle import RUNNER, write_bundle
from medical.delivery.card import CardFacts, model_card
from medical.delivery.ensemble import load_ensemble
from medical.delivery.runner_check import TOLERANCE, largest_differences
from medical.learning.run import MedicalRun, read_json
from medical.report.privacy import Names
from medical.scans.prediction import Predictor
from medical.scans.read import scan_kind
from medical.scans.runner import MODEL, SETTINGS, file_hash
from segmentation.weights import load_segmenter

CARD = "MODEL_CARD.md"
"""What people read first."""

_VERSIONS = ("torch", "numpy", "onnxruntime")

_log = logging.getLogger(__name__)


def export(run: Path, output: Path, *, verify: int = 20) -> None:
    """Exports all folds of a fit together, if what is exported finds what torch finds.

    Writes `model.onnx`, `preprocess.json`, `MODEL_CARD.md` and `runner/`.

    Args:
        run: The run folder of the fit.
        output: Folder that does not exist yet, or is empty.
        verify: The most cases of the study to compare on, evenly spread over its patients.

    Raises:
        ValueError: The run is none or not finished, its data have moved, the folder is taken, packages are missing, or
            the results differ, in which case nothing is written.
    """
    fit = MedicalRun.open(run)
    with drafted(output) as draft:
        cases = [case.images for case in fit.study.cases]
        kinds = {scan_kind(images[0]) or "picture" for images in cases}
        with Console(stderr=True).status("writing the network: may take minutes"):
            about = write_bundle(draft, fit.fold_weights, fit.preprocess, fit.decision, kinds=kinds)
        verified = check(load_ensemble(run, device="cpu"), draft, spread(cases, verify))
        facts = _facts(fit, about, verified)
        (draft / CARD).write_text(model_card(facts), encoding="utf-8")
    _log.info("%s", verified)
    for name in (MODEL, SETTINGS, CARD, RUNNER):
        _log.info("%s", output / name)


def check(predictor: Predictor, export: Path, cases: Sequence[Sequence[Path]]) -> str:
    """Compares an exported runner with torch.

    Args:
        predictor: With networks of torch.
        export: Folder of the exported files.
        cases: The files of each scan.

    Returns:
        A sentence that says how far they are apart.

    Raises:
        ValueError: Too far, or the runner fails.
    """
    if not cases:
        return "Nothing was compared with torch."
    compared = track(
        largest_differences(predictor, export, cases),
        "comparing",
        total=len(cases),
        console=Console(stderr=True),
        transient=True,
    )
    largest = 0.0
    for number, difference in enumerate(compared, start=1):
        if not difference <= TOLERANCE:  # NaN neither
            raise ValueError(
                f"nothing is written: of case {number} of {len(cases)} the exported runner finds probabilities that "
                f"are {difference:.1e} from those of torch, and {TOLERANCE:g} is allowed"
            )
        largest = max(largest, difference)
    return f"Cases compared with torch: {len(cases)}; largest difference of a probability: {largest:.1e}."


@contextmanager
def drafted(output: Path) -> Iterator[Path]:
    """Yields a folder that becomes `output` when all has gone well, and is removed if not.

    Raises:
        ValueError: There is something already.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"{output}: is there already; name a new folder")
    draft = output.absolute().with_name(f".{output.absolute().name}.partial")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        if output.exists():
            output.rmdir()
        draft.rename(output)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def spread(cases: Sequence[Sequence[Path]], most: int) -> list[Sequence[Path]]:
    """Chooses at most so many cases, at even distances from the first to the last."""
    places = np.linspace(0, len(cases) - 1, min(most, len(cases))).round().astype(int)
    return [cases[place] for place in places]


def _facts(fit: MedicalRun, about: Mapping[str, Any], verified: str) -> CardFacts:
    resolved, names = read_json(fit.folder.resolved), Names(fit.study)
    model = load_segmenter(str(fit.fold_weights[0])).config.model
    return CardFacts(
        classes=fit.study.classes,
        preprocess=fit.preprocess,
        decision=fit.decision,
        modality=resolved["modality"],
        network=f"{model.backbone.name} with the head {model.head.name}",
        folds=len(fit.splits),
        cases=len(fit.study.cases),
        patients=len(fit.study.patients),
        assumptions=[names.hide(sentence) for sentence in fit.study.assumptions],
        summary=_summary(fit),
        verified=verified,
        versions={
            "lumbar": lumbar.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in _VERSIONS},
        },
        hashes={
            **about["hashes"],
            "images and masks": resolved["data_hash"],
            "splits.json": file_hash(fit.folder.splits),
        },
    )


def _summary(fit: MedicalRun) -> Mapping[str, Any] | None:
    """The numbers of the report, None where none was written."""
    path = fit.path / "report" / "report.json"
    return read_json(path)["summary"] if path.is_file() else None
