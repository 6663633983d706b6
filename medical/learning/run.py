"""What a fit leaves behind: where each file lies, and all of it read again for those who report, predict and export."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Self

from lumbar.files import atomic_write
from lumbar.training.checkpoint import write_json
from lumbar.training.load import dump_config, load_config
from lumbar.training.run_folder import RunFolder
from medical.learning.out_of_fold import OutOfFold
from medical.scans.decision import Decision
from medical.scans.preprocess import Preprocess
from medical.study.cases import Study, find_study
from medical.study.config import MedicalConfig

MARK = "splits.json"
"""The file by which the folder of a fit is known."""


@dataclass(frozen=True)
class StudyFolder:
    """Paths of what a fit leaves behind."""

    path: Path

    @property
    def config(self) -> Path:
        """The settings with every key."""
        return self.path / "config.yaml"

    @property
    def resolved(self) -> Path:
        """What the settings left open and how it was decided, and the hash of the data."""
        return self.path / "resolved.json"

    @property
    def splits(self) -> Path:
        """Aliases of the cases of each fold."""
        return self.path / MARK

    @property
    def key(self) -> Path:
        """Alias, name and patient of each case: for the owner of the data alone."""
        return self.path / "key.csv"

    @property
    def decision(self) -> Path:
        """How labels are made of probabilities."""
        return self.path / "decision.json"

    @property
    def out_of_fold(self) -> OutOfFold:
        """Predictions of every case by the fold that has not seen it."""
        return OutOfFold(self.path / "out_of_fold")

    def fold(self, number: int) -> RunFolder:
        """The run folder of a fold."""
        return RunFolder(self.path / f"fold{number}")

    def write_config(self, config: MedicalConfig) -> None:
        """Writes the settings."""
        with atomic_write(self.config) as partial:
            partial.write_text(dump_config(config), encoding="utf-8")

    def write_resolved(self, resolved: Mapping[str, Any]) -> None:
        """Writes what was decided."""
        write_json(self.resolved, resolved)

    def write_key(self, study: Study) -> None:
        """Writes who is who."""
        text = StringIO()
        csv.writer(text).writerows([("alias", "name", "patient"), *study.key])
        with atomic_write(self.key) as partial:
            partial.write_text(text.getvalue(), encoding="utf-8")
        self.key.chmod(0o600)

    def write_splits(self, splits: Sequence[Sequence[str]]) -> None:
        """Writes the aliases of the cases of each fold."""
        write_json(self.splits, {"folds": [[*fold] for fold in splits]})

    def read_splits(self) -> tuple[tuple[str, ...], ...]:
        """Reads the aliases of the cases of each fold.

        Raises:
            ValueError: The file is missing or damaged.
        """
        return tuple(tuple(map(str, fold)) for fold in read_json(self.splits)["folds"])


@dataclass(frozen=True)
class MedicalRun:
    """A finished fit."""

    path: Path
    config: MedicalConfig
    study: Study
    preprocess: Preprocess
    splits: tuple[tuple[str, ...], ...]
    """Aliases of the cases that each fold holds out."""
    decision: Decision

    @classmethod
    def open(cls, path: Path) -> Self:
        """Reads a finished fit.

        Args:
            path: Its run folder.

        Raises:
            ValueError: It is none, or is not finished, or its data have moved.
        """
        folder = StudyFolder(path)
        if not folder.splits.is_file():
            raise ValueError(f"{path}: no run of fit (it has no {MARK}): name its folder")
        if not folder.decision.is_file():
            raise ValueError(f"{path}: this fit is not finished: go on with fit --resume auto")
        config = load_config(MedicalConfig, folder.config)
        return cls(
            path=path,
            config=config,
            study=find_study(config),
            preprocess=Preprocess.from_dict(read_json(folder.resolved)["preprocess"]),
            splits=folder.read_splits(),
            decision=Decision.from_dict(read_json(folder.decision)),
        )

    @property
    def folder(self) -> StudyFolder:
        """Where its files lie."""
        return StudyFolder(self.path)

    @property
    def out_of_fold(self) -> OutOfFold:
        """Predictions of every case by the fold that has not seen it."""
        return self.folder.out_of_fold

    @property
    def fold_weights(self) -> list[Path]:
        """The weights of each fold."""
        return [self.folder.fold(number).weights for number in range(len(self.splits))]

    def fold_of(self, alias: str) -> int:
        """The fold that has not seen a case.

        Raises:
            ValueError: There is no such case.
        """
        for number, aliases in enumerate(self.splits):
            if alias in aliases:
                return number
        raise ValueError(f"{self.path}: no fold holds out the case {alias}: the data have changed")


def read_json(path: Path) -> dict[str, Any]:
    """Reads an object of JSON.

    Raises:
        ValueError: The file is missing, or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: holds no object of JSON")
    return found
