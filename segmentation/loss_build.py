"""From the settings of the losses to the modules."""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from segmentation.boundary_loss import Boundary
from segmentation.labels import Task
from segmentation.loss_config import LossConfig
from segmentation.losses import Loss, LossSum
from segmentation.lovasz import Lovasz
from segmentation.overlap_losses import Dice, Tversky, each_image, whole_batch
from segmentation.pixel_losses import CrossEntropy, Focal, OhemCrossEntropy

_LOSSES: Mapping[str, Callable[..., Loss]] = {
    "cross_entropy": CrossEntropy,
    "ohem": OhemCrossEntropy,
    "focal": Focal,
    "dice": Dice,
    "tversky": Tversky,
    "lovasz": Lovasz,
    "boundary": Boundary,
}
_POOLS: Mapping[str, Callable[[Tensor], Tensor]] = {"image": each_image, "batch": whole_batch}


def build_loss(
    config: Sequence[LossConfig], task: Task, class_weights: Sequence[float] | None = None
) -> LossSum:
    """Builds the sum of the losses of a config.

    Args:
        config: The losses, at least one.
        task: What logits and labels mean.
        class_weights: Of the K classes in the data, for losses that ask for them (see `asks_data`).

    Raises:
        ValueError: The class weights of a loss are all zero.
    """
    return LossSum([(loss.weight, _build(loss, task, class_weights)) for loss in config])


def asks_data(config: Sequence[LossConfig]) -> bool:
    """Whether a loss takes its class weights from the data."""
    return any(loss.class_weights == "data" for loss in config)


def _build(config: LossConfig, task: Task, of_data: Sequence[float] | None) -> Loss:
    settings = config.model_dump(exclude={"name", "weight", "class_weights"})
    if "over" in settings:
        settings["pool"] = _POOLS[settings.pop("over")]
    return _LOSSES[config.name](task, class_weights=_class_weights(config, of_data), **settings)


def _class_weights(config: LossConfig, of_data: Sequence[float] | None) -> Sequence[float] | None:
    match config.class_weights:
        case "none":
            return None
        case "data":
            assert of_data is not None, f"nobody computed the class weights that {config.name} asks"
            return of_data
        case weights:
            return weights
