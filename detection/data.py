"""The data module of detection: its data set put into the loaders that serve any task."""

from functools import partial

from detection.config import DetectionConfig
from detection.dataset import DetectionDataset
from lumbar.data.categories import Categories
from lumbar.data.datamodule import DataModule
from lumbar.training.hardware import total_batch
from lumbar.training.load import project_root


def make_datamodule(config: DetectionConfig, categories: Categories | None = None) -> DataModule:
    """Makes the loaders of the three splits.

    Args:
        config: Of the whole run.
        categories: Classes of the weights that are evaluated; None takes those of the training split.

    Returns:
        The data module; nothing is read yet.
    """
    make_dataset = partial(
        DetectionDataset,
        cache=config.data.cache_images,
        max_megapixels=config.data.max_image_megapixels,
        channels=config.model.backbone.in_channels,
    )
    return DataModule(
        config.data,
        make_dataset,
        root=project_root(),
        seed=config.seed,
        categories=categories,
        images_per_step=total_batch(config.trainer, config.data.batch_size_per_device),
    )
