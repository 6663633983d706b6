"""A finished fit of made-up discs, which tests look at."""

import os
from pathlib import Path

from medical.learning.fit import fit
from medical.learning.run import MedicalRun
from medical.study.config import MedicalConfig
from tests.medical.learning.discs import small_config, write_pictures

PATIENTS = 6


def disc_config(folder: Path, **changes: object) -> MedicalConfig:
    """Settings of six patients with two pictures each, which are written."""
    data = write_pictures(folder / "data", PATIENTS, of_each=2)
    return small_config(data, **{"patient": "(P\\d+)_", "epochs": 36, **changes})


def disc_fit(folder: Path) -> MedicalRun:
    """Finds discs in some fifty steps."""
    before = os.environ.get("LUMBAR_CACHE")
    os.environ["LUMBAR_CACHE"] = str(folder / "cache")
    try:
        return fit(disc_config(folder), name="discs", output=folder / "run")
    finally:
        os.environ.pop("LUMBAR_CACHE")
        if before is not None:
            os.environ["LUMBAR_CACHE"] = before
