"""Every knob of a classifier, its default and its unit: the root of the YAML files for `tools/train_cls.py`."""

from pydantic import Field

from classification.data_config import ImageDataConfig
from classification.model_config import LossConfig, MixConfig, NetworkConfig
from lumbar.schema import Section
from lumbar.training.config import OptimConfig, ScheduleConfig, TrainerConfig


class ClassificationConfig(Section):
    """A classifier, its data and its training."""

    seed: int = Field(default=0, ge=0)
    """Everything random follows from it."""
    model: NetworkConfig = NetworkConfig()
    loss: LossConfig = LossConfig()
    mix: MixConfig = MixConfig()
    data: ImageDataConfig = ImageDataConfig()
    optim: OptimConfig = OptimConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    trainer: TrainerConfig = TrainerConfig()
