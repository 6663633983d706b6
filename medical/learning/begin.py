"""The beginning of a fit: the study is looked at, the folder made or found again, and the patients are dealt."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lumbar.data.faults import refuse
from lumbar.data.pixel_classes import shortened
from lumbar.training.hardware import resolve_hardware
from lumbar.training.load import config_to_dict, load_config
from lumbar.training.run_folder import RunFolder
from lumbar.training.run_record import setting_changes
from medical.learning.folds import make_folds
from medical.learning.run import MARK, StudyFolder, read_json
from medical.study.cases import Study
from medical.study.config import MedicalConfig
from medical.study.examination import Examination, examine
from medical.study.facts import CaseFacts
from medical.study.finding import Finding
from medical.study.proposal import Resolved

_log = logging.getLogger(__name__)

_FREE = ("data", "cases", "distinct", "workers", "tolerance")
"""Settings that say where things lie or how they are driven or judged, not what is learned from what."""
_DECIDING = ("precision", "accumulate", "clip_norm", "ema_decay")
"""Those of the trainer that say what is learned."""


@dataclass(frozen=True)
class Begun:
    """A fit that is ready to train, or to go on."""

    folder: StudyFolder
    config: MedicalConfig
    study: Study
    facts: tuple[CaseFacts, ...]
    """Of each case, in order."""
    resolved: Resolved
    splits: tuple[tuple[str, ...], ...]
    """Aliases of the cases that each fold holds out."""

    def held_out(self, number: int) -> list[int]:
        """Indices of the cases that a fold holds out."""
        aliases = {*self.splits[number]}
        return [index for index, case in enumerate(self.study.cases) if case.alias in aliases]

    @property
    def num_slices(self) -> int:
        """Of all cases."""
        return sum(case.shape[0] for case in self.facts)


def begin(
    config: MedicalConfig, *, name: str, output: Path | None, resume: str | None, anyway: bool
) -> Begun:
    """Looks at the study, and makes the run folder or finds it again.

    Args:
        config: Of the study.
        name: Of the run, for its folder.
        output: The run folder; None takes the next free `runs/NAME-n`, or when resuming the last of them.
        resume: `auto` goes on with an earlier fit, or begins where there is none; None begins.
        anyway: Goes on although settings have changed.

    Raises:
        ValueError: The study would spoil the training, the folder is taken, or the earlier fit was another one.
    """
    config = on_one_device(config)
    looked = examine(config, gpu=resolve_hardware(config.trainer).kind == "cuda")
    _refuse_fatal(looked)
    study, facts, resolved = looked.study, looked.survey.facts, looked.resolved
    assert resolved is not None, "cases without facts are fatal"
    splits = _splits(study, facts, config)
    path = RunFolder.create(output, name, resume=resume is not None, mark=MARK).path
    begun = Begun(StudyFolder(path), config, study, facts, resolved, splits)
    if begun.folder.splits.is_file():
        _check_same(begun, anyway=anyway)
    _write(begun)
    return begun


def on_one_device(config: MedicalConfig) -> MedicalConfig:
    """Settings that train on one device, however many there are.

    Raises:
        ValueError: They ask for more, or several processes were launched.
    """
    if config.trainer.devices not in ("auto", 1) or config.trainer.nodes != 1:
        raise ValueError("trainer.devices: a fit trains on one device; leave it out")
    trainer = config.trainer.model_copy(update={"devices": 1})
    if resolve_hardware(trainer).world_size > 1:
        raise ValueError("a fit trains on one device: start it without torchrun, as one task")
    return config.model_copy(update={"trainer": trainer})


def _refuse_fatal(looked: Examination) -> None:
    """Stops where training would be spoilt, and passes warnings on."""
    for finding in looked.findings.of("warning"):
        _log.warning("%s", _sentence(finding))
    refuse(
        [_sentence(finding) for finding in looked.findings.of("fatal")],
        what="this would spoil the training",
        fix="medical.py check shows all that was found",
    )


def _sentence(finding: Finding) -> str:
    where = f" ({shortened(finding.where)})" if finding.where else ""
    return f"{finding.what}{where}{': ' if finding.fix else ''}{finding.fix}"


def _splits(
    study: Study, facts: tuple[CaseFacts, ...], config: MedicalConfig
) -> tuple[tuple[str, ...], ...]:
    fold_of = make_folds(
        [case.patient for case in study.cases],
        np.array([case.voxels[1:] for case in facts], np.float64),
        folds=config.folds,
        seed=config.seed,
    )
    return tuple(
        tuple(case.alias for case, own in zip(study.cases, fold_of, strict=True) if own == number)
        for number in range(config.folds)
    )


def _check_same(begun: Begun, *, anyway: bool) -> None:
    """Raises where this fit is not the one in the folder."""
    folder = begun.folder
    saved = read_json(folder.resolved)
    if saved.get("data_hash") != begun.resolved.data_hash or folder.read_splits() != begun.splits:
        raise ValueError(
            f"{folder.path}: the data, their patients or the folds are not those that this fit began with: bring them "
            "back, or begin anew in another --output"
        )
    old = config_to_dict(load_config(MedicalConfig, folder.config))
    new = config_to_dict(begun.config)
    changes = [line for key, line in setting_changes(old, new) if _decides(key)]
    if changes and not anyway:
        listed = "\n  ".join(changes)
        raise ValueError(
            f"{folder.path} was begun with other settings:\n  {listed}\nset them back, begin anew in another --output, "
            "or insist with --resume-anyway"
        )


def _decides(key: str) -> bool:
    """Whether a setting decides what is learned."""
    section, _, name = key.partition(".")
    return name in _DECIDING if section == "trainer" else section not in _FREE


def _write(begun: Begun) -> None:
    """The splits come last: the folder is that of a fit when they are there."""
    folder = begun.folder
    folder.write_config(begun.config)
    folder.write_resolved(begun.resolved.to_dict())
    folder.write_key(begun.study)
    folder.write_splits(begun.splits)
    _log.info("\n%s", _told(begun))


def _told(begun: Begun) -> str:
    study, config = begun.study, begun.config
    lines = {
        "run": str(begun.folder.path),
        "cases": f"{len(study.cases)} of {len(study.patients)} patients, {begun.num_slices} slices",
        "classes": ", ".join(study.classes.names),
        "folds": f"{config.folds}, of "
        + ", ".join(str(len(fold)) for fold in begun.splits)
        + " cases",
    }
    resolved = begun.resolved
    lines |= {
        key: f"{_value(resolved, key)} ({reason})" for key, reason in resolved.reasons.items()
    }
    width = max(map(len, lines))
    table = "\n".join(f"{key:{width}}  {value}" for key, value in lines.items())
    return "\n".join([table, *study.assumptions])


def _value(resolved: Resolved, key: str) -> str:
    preprocess = resolved.preprocess
    values = {
        "modality": resolved.modality,
        "patch": " x ".join(map(str, preprocess.tile)),
        "augment.flips": ", ".join(resolved.flips) or "none",
        "flips": ", ".join(preprocess.flips) or "none",
        "losses": " + ".join(loss.name for loss in resolved.losses),
        "intensity": preprocess.intensity.kind,
    }
    return values[key] if key in values else str(getattr(preprocess, key))
