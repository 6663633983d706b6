"""The cases of a study: which files belong together, whose they are, and what the values of their masks mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lumbar.data.faults import refuse
from lumbar.data.pixel_classes import PixelClasses
from medical.study.case_table import CaseTable, read_table
from medical.study.config import MedicalConfig
from medical.study.nnunet import check_against, is_nnunet, nnunet_classes, nnunet_pairs
from medical.study.pairs import Pair, find_pairs
from medical.study.patients import Suspicion, aliases, by_pattern, natural, suspicion
from medical.study.values import proposed_classes, written

_TABLE = "cases.csv"


@dataclass(frozen=True)
class Case:
    """An image with its mask."""

    name: str
    """Path relative to the data without the type of the file, unique; it may hold the name of a patient."""
    images: tuple[Path, ...]
    """One for each channel; the folder of a DICOM series."""
    mask: Path | None
    """None where nobody has annotated the image, as in a prediction."""
    patient: str
    """As the data call them; never to be shown."""
    alias: str
    """`P007-2`: what stands for both wherever others may read it."""
    strata: Mapping[str, str] = field(default_factory=dict)
    """Columns of cases.csv by which the report parts its tables."""


@dataclass(frozen=True)
class Study:
    """All cases, in the order of their patients."""

    cases: tuple[Case, ...]
    classes: PixelClasses
    assumptions: tuple[str, ...] = ()
    """Sentences on what the settings left open."""
    suspicion: Suspicion | None = None
    """Names that look like several cases of one patient, although each counts as another."""

    @property
    def key(self) -> tuple[tuple[str, str, str], ...]:
        """Alias, name and patient of each case: what the owner of the data may keep, and nobody else."""
        return tuple((case.alias, case.name, case.patient) for case in self.cases)

    @property
    def patients(self) -> Mapping[str, tuple[Case, ...]]:
        """The cases of each patient."""
        grouped: dict[str, list[Case]] = {}
        for case in self.cases:
            grouped.setdefault(case.patient, []).append(case)
        return {patient: tuple(own) for patient, own in grouped.items()}


def find_study(config: MedicalConfig) -> Study:
    """Finds the cases that the settings are about; of the files only the names are looked at.

    Raises:
        ValueError: The folder is missing or has no known layout, files have no partner, a name has no patient, or
            nothing says what the values of the masks mean.
    """
    if not config.data:
        raise ValueError("data: name the folder of the images and masks")
    root = Path(config.data).expanduser()
    if not root.is_dir():
        raise ValueError(f"data: no such folder: {root.absolute()}")
    table = _table(config, root)
    pairs = _pairs(root, table)
    classes, on_classes = _classes(config, root, pairs)
    rows = table.matched([pair.name for pair in pairs]) if table else {}
    patients, on_patients = _patients(config, pairs, rows, table)
    doubt = suspicion([pair.name for pair in pairs]) if on_patients else None
    strata, on_strata = _strata(rows, table)
    return Study(
        _cases(pairs, patients, strata),
        classes,
        assumptions=(*on_classes, *on_patients, *on_strata),
        suspicion=doubt,
    )


def _table(config: MedicalConfig, root: Path) -> CaseTable | None:
    if config.cases:
        file = Path(config.cases).expanduser()
        if not file.is_file():
            raise ValueError(f"cases: no such table: {file.absolute()}")
        return read_table(file)
    return read_table(root / _TABLE) if (root / _TABLE).is_file() else None


def _pairs(root: Path, table: CaseTable | None) -> list[Pair]:
    listed = table.pairs(root) if table else None
    if listed is not None:
        return listed
    return nnunet_pairs(root) if is_nnunet(root) else find_pairs(root)


def _classes(
    config: MedicalConfig, root: Path, pairs: Sequence[Pair]
) -> tuple[PixelClasses, list[str]]:
    if config.classes:
        classes = config.pixel_classes()
        if is_nnunet(root):
            check_against(root, classes)
        return classes, []
    if not is_nnunet(root):
        raise ValueError(
            f"classes: nothing says what the values mean; {proposed_classes([pair.mask for pair in pairs])}"
        )
    classes = nnunet_classes(root)
    meaning = dict(zip(classes.names, classes.ids, strict=True))
    return classes, [f"The classes are those of dataset.json: {written(meaning)}."]


def _patients(
    config: MedicalConfig,
    pairs: Sequence[Pair],
    rows: Mapping[str, Mapping[str, str]],
    table: CaseTable | None,
) -> tuple[list[str], list[str]]:
    """The patient of each pair, and what was assumed about them."""
    names = [pair.name for pair in pairs]
    if config.patient:
        return by_pattern(names, config.patient), []
    if table is not None and "patient" in table.columns:
        refuse(
            [name for name in names if not rows.get(name, {}).get("patient")],
            what=f"{table.file}: cases without a patient",
            fix="give each case a row with its patient, or set `patient` to an expression",
        )
        return [rows[name]["patient"] for name in names], []
    assumed = (
        f"Each of the {len(names)} cases is taken to be another patient, as neither `patient` nor a column `patient` "
        f"of {_TABLE} says otherwise. Where one has several, set either: else the scores will be too good."
    )
    return names, [assumed]


def _strata(
    rows: Mapping[str, Mapping[str, str]], table: CaseTable | None
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The groups of each case, by its name, and what was left out of them."""
    if table is None:
        return {}, []
    groups, private = table.strata()
    strata = {name: {column: row[column] for column in groups} for name, row in rows.items()}
    if not private:
        return strata, []
    left_out = (
        f"Of {table.file.name}, the columns {', '.join(private)} stay out of the report, as they could tell who "
        "somebody is, or have too many values for groups."
    )
    return strata, [left_out]


def _cases(
    pairs: Sequence[Pair], patients: Sequence[str], strata: Mapping[str, Mapping[str, str]]
) -> tuple[Case, ...]:
    rows = zip(patients, pairs, strict=True)
    ordered = sorted(rows, key=lambda row: (natural(row[0]), natural(row[1].name)))
    short = aliases([patient for patient, _ in ordered])
    return tuple(
        Case(pair.name, pair.images, pair.mask, patient, alias, dict(strata.get(pair.name, {})))
        for (patient, pair), alias in zip(ordered, short, strict=True)
    )
