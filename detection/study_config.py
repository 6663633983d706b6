"""Settings of a study of detectors."""

from typing import Literal

from pydantic import field_validator

from detection.config import DetectionConfig
from lumbar.tasks.study_config import StudyConfig


class DetectorStudyConfig(StudyConfig[DetectionConfig]):
    """Detectors that are trained alike and compared."""

    task: Literal["detection"] = "detection"
    """Detectors."""
    measure: Literal["ap"] = "ap"
    """ap: COCO's AP of the validation split over the steps, and AP and AP50 of the best weights on the test split, or
    on the validation split where there is none."""
    base: DetectionConfig = DetectionConfig()
    """What all have in common; `preset` stays as it is."""

    @field_validator("base")
    @classmethod
    def _no_preset(cls, base: DetectionConfig) -> DetectionConfig:
        if base.preset != "lumbar":
            raise ValueError(
                f"preset {base.preset} fills the settings of a run, not of a study; write out those that differ"
            )
        return base
