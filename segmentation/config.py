"""Every knob of a segmenter, its default and its unit: the root of the YAML files for `tools/train_seg.py`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lumbar.schema import Section
from lumbar.training.config import OptimConfig, ScheduleConfig, TrainerConfig
from segmentation.data_config import MaskDataConfig
from segmentation.inference_config import InferenceConfig
from segmentation.loss_config import DEFAULT_LOSSES, Losses
from segmentation.model_config import ModelConfig
from segmentation.scores_config import ScoresConfig

_MULTICLASS_POLICIES = ("mmseg", "torchvision")


class SegmentationConfig(Section):
    """A segmenter, its data and its training."""

    task: Literal["multiclass", "multilabel"] = "multiclass"
    """multiclass: a pixel has one class, a background among them; multilabel: it has any of the classes, or none."""
    seed: int = Field(default=0, ge=0)
    """Everything random follows from it."""
    model: ModelConfig = ModelConfig()
    losses: Losses = DEFAULT_LOSSES
    """What is minimised: a list of losses, each with its name and its settings."""
    data: MaskDataConfig = MaskDataConfig()
    inference: InferenceConfig = InferenceConfig()
    scores: ScoresConfig = ScoresConfig()
    optim: OptimConfig = OptimConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    trainer: TrainerConfig = TrainerConfig()

    @model_validator(mode="after")
    def _policies_know_the_task(self) -> Self:
        strange = [policy for policy in self.scores.policies if policy in _MULTICLASS_POLICIES]
        if strange and self.task == "multilabel":
            raise ValueError(
                f"scores.policies: {' and '.join(strange)} know only pixels of one class, and task is multilabel; "
                "leave them out"
            )
        return self
