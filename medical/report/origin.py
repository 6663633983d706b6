"""How the report was made: settings, versions, hashes and minutes, so that somebody else can make it again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import lumbar
from lumbar.training.load import config_to_dict
from medical.learning.run import MedicalRun, read_json
from medical.report.privacy import Names, public_config

_PACKAGES = ("torch", "lightning", "numpy", "scipy")
_SHOWN = 16
"""Digits of a hash."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Origin:
    """Where the numbers of a report come from; no path and no name is in it."""

    made: str
    """When the report was made, UTC."""
    versions: Mapping[str, str]
    """Of the packages at hand when the report was made."""
    data_hash: str
    """Of all images and masks."""
    splits_hash: str
    """Of which case is in which fold."""
    weights: tuple[str, ...]
    """Hash of the weights of each fold, empty where they are gone."""
    minutes: float | None
    """Of training and prediction, None where it is not written down."""
    config: Mapping[str, Any]
    """The settings, without paths and names."""
    preprocess: Mapping[str, Any]
    """How scans are made ready for the network."""
    reasons: Mapping[str, str]
    """Why settings that were left open were chosen so."""

    def to_dict(self) -> dict[str, Any]:
        """Returns all of it ready for JSON."""
        return {**vars(self), "weights": [*self.weights]}


def find_origin(run: MedicalRun, names: Names) -> Origin:
    """Gathers where the numbers of a run come from.

    Args:
        run: A finished fit.
        names: Of its study, which are struck out.

    Raises:
        ValueError: A file of the run is damaged.
    """
    resolved = read_json(run.folder.resolved)
    return Origin(
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        versions={"lumbar": lumbar.__version__} | _versions(),
        data_hash=str(resolved.get("data_hash", "")),
        splits_hash=_hash(json.dumps(run.splits).encode()),
        weights=tuple(_file_hash(path) for path in run.fold_weights),
        minutes=_minutes(run),
        config=public_config(config_to_dict(run.config), names),
        preprocess=run.preprocess.to_dict(),
        reasons={
            str(key): names.hide(str(why)) for key, why in resolved.get("reasons", {}).items()
        },
    )


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _minutes(run: MedicalRun) -> float | None:
    """What the folds took, as each has written down."""
    files = [run.folder.fold(fold).path / "took.json" for fold in range(len(run.splits))]
    took = [read_json(path) for path in files if path.is_file()]
    if len(took) < len(files):
        return None
    return sum(float(own.get(key, 0)) for own in took for key in ("training", "prediction")) / 60


def _file_hash(path: Path) -> str:
    if not path.is_file():
        return ""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()[:_SHOWN]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_SHOWN]
