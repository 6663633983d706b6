"""The whole look at a study: its cases, their facts, duplicates, what the settings become, and what is wrong."""

from dataclasses import dataclass

from medical.study.cases import Study, find_study
from medical.study.config import MedicalConfig
from medical.study.duplicates import Duplicate, find_duplicates
from medical.study.facts import Survey, survey
from medical.study.file_findings import file_findings
from medical.study.finding import Findings, ordered
from medical.study.image_findings import image_findings
from medical.study.mask_findings import mask_findings
from medical.study.patient_findings import patient_findings
from medical.study.proposal import Resolved, resolve


@dataclass(frozen=True)
class Examination:
    """What was found."""

    config: MedicalConfig
    study: Study
    survey: Survey
    duplicates: tuple[Duplicate, ...]
    resolved: Resolved | None
    """None where no case can be read."""
    findings: Findings


def examine(config: MedicalConfig, *, gpu: bool = False, progress: bool = True) -> Examination:
    """Reads every file of a study, and says what would spoil its training.

    Args:
        config: The settings.
        gpu: Whether training is for a GPU.
        progress: Whether a terminal shows how far it is.

    Raises:
        ValueError: There is no study: no folder, no known layout, files without a partner.
    """
    study = find_study(config)
    looked = survey(study, config, progress=progress)
    duplicates = tuple(find_duplicates(looked))
    found = [*file_findings(study, looked), *patient_findings(config, study, duplicates)]
    resolved = None
    if looked.facts:
        resolved = resolve(config, looked.facts, gpu=gpu)
        found += image_findings(config, looked.facts, resolved)
        found += mask_findings(config, study, looked.facts)
    return Examination(config, study, looked, duplicates, resolved, ordered(found))
