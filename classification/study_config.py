"""Settings of a study of classifiers."""

from typing import Literal

from pydantic import Field

from classification.config import ClassificationConfig
from lumbar.tasks.study_config import StudyConfig


class ClassifierStudyConfig(StudyConfig[ClassificationConfig]):
    """Classifiers that are trained alike and compared."""

    task: Literal["classification"] = "classification"
    """Classifiers."""
    measure: Literal["error", "gradients", "responses"] = "error"
    """error: training error over the steps, and the error on the validation or test split. gradients: for each layer
    the size of its signals and of their gradients, before and after training. responses: the standard deviation of what
    each layer adds, after its norm and before the activation (He et al. 2015, figure 7)."""
    probe_images: int = Field(default=64, ge=2)
    """gradients and responses: training images that are looked at, the first ones without random changes."""
    base: ClassificationConfig = ClassificationConfig()
    """What all have in common."""
