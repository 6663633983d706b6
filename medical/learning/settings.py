"""From the settings of a study to those of the segmenter that each fold trains."""

from lumbar.data.pixel_classes import PixelClasses
from lumbar.training.config import OptimConfig, ScheduleConfig, TrainerConfig
from medical.learning.plan import Plan
from medical.scans.preprocess import Preprocess
from medical.study.config import MedicalConfig
from medical.study.proposal import Resolved
from segmentation.config import SegmentationConfig
from segmentation.data_config import MaskDataConfig
from segmentation.inference_config import InferenceConfig
from segmentation.model_config import ModelConfig
from segmentation.scores_config import ScoresConfig

_SCRATCH = OptimConfig(name="adamw", lr=2e-3, base_batch_size=None, weight_decay=0.05)
_FINE_TUNING = OptimConfig(
    name="adamw", lr=3e-4, base_batch_size=None, weight_decay=0.05, backbone_lr_factor=0.1
)
_MEMORY = 0.1
"""Share of the training over which the average of the weights looks back, at most."""


def segmenter_config(
    config: MedicalConfig, resolved: Resolved, classes: PixelClasses, plan: Plan
) -> SegmentationConfig:
    """Writes down what a fold trains, and how; this is saved with its weights, too.

    Args:
        config: Of the study.
        resolved: What its `auto`s became.
        classes: What labels mean.
        plan: How long the fold trains.
    """
    preprocess = resolved.preprocess
    return SegmentationConfig(
        seed=config.seed,
        model=_model(config.model, preprocess),
        losses=resolved.losses,
        data=MaskDataConfig(
            batch_size_per_device=config.batch,
            eval_batch_size_per_device=config.batch,
            workers=config.workers,
            pad_multiple=preprocess.multiple,
        ),
        inference=InferenceConfig(
            mode="slide",
            window=preprocess.tile,
            overlap=preprocess.overlap,
            flips=preprocess.flips,
        ),
        scores=ScoresConfig(at="resized", left_out=classes.names[:1]),
        optim=_optim(config),
        schedule=_schedule(config),
        trainer=_trainer(config.trainer, plan),
    )


def _model(model: ModelConfig, preprocess: Preprocess) -> ModelConfig:
    backbone = model.backbone.model_copy(update={"in_channels": preprocess.in_channels})
    return model.model_copy(update={"backbone": backbone})


def _optim(config: MedicalConfig) -> OptimConfig:
    if config.optim != "auto":
        return config.optim
    return _SCRATCH if config.scratch() else _FINE_TUNING


def _schedule(config: MedicalConfig) -> ScheduleConfig:
    """A body that has learned something waits until the new parts have, too."""
    if config.scratch() or config.schedule.body_from:
        return config.schedule
    return config.schedule.model_copy(update={"body_from": config.unfreeze})


def _trainer(trainer: TrainerConfig, plan: Plan) -> TrainerConfig:
    decay = trainer.ema_decay
    if decay is not None:
        # In a short training a long average would be of weights that have learned nothing yet.
        decay = min(decay, max(0.01, 1 - 1 / (_MEMORY * plan.steps)))
    return trainer.model_copy(
        update={
            "max_epochs": plan.rounds,
            "max_steps": None,
            "val_every_epochs": 1,
            "ema_decay": decay,
            "devices": 1,
        }
    )
