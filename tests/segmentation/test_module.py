"""The steps of the module add up the losses, and score the splits as images are predicted."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lumbar.data.pixel_classes import IGNORE
from lumbar.ops.structures import Images
from lumbar.training.run import EvalSplit, validate
from lumbar.training.run_folder import RunFolder
from segmentation.build import make_segmenter
from segmentation.config import SegmentationConfig
from segmentation.data import MaskDataModule, make_datamodule
from segmentation.fcn import FCN
from segmentation.labels import TASKS
from segmentation.module import SegmentationModule, make_module, on_canvas
from segmentation.pixel_losses import CrossEntropy
from segmentation.scores import SegmentationScores
from segmentation.segmenter import Segmenter
from tests.segmentation.mask_set import SIZE, SPLITS
from tests.segmentation.runs import tiny_run

TASK = TASKS["multiclass"]
SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))


def score(
    config: SegmentationConfig, model: FCN, split: EvalSplit = "val", **parts: object
) -> SegmentationScores:
    """Scores a split; `parts` are put in the place of the module's own."""
    module, data = join(config, model, split)
    for name, part in parts.items():
        setattr(module, name, part)
    validate(module, data, config.trainer, split=split)
    return module.scores[split]


def join(
    config: SegmentationConfig, model: FCN, split: EvalSplit
) -> tuple[SegmentationModule, MaskDataModule]:
    data = make_datamodule(config.data, in_channels=3, seed=config.seed, scored_at=config.scores.at)
    return make_module(model, config, data, [split]), data


def random_model(config: SegmentationConfig) -> FCN:
    return make_segmenter(config.model, 3, task=TASK, loss=CrossEntropy(TASK))


def same(one: SegmentationScores, other: SegmentationScores) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.counts, other.counts, strict=True))


def metrics_of(folder: RunFolder) -> dict[str, list[float]]:
    """The numbers of each column that has any, from the first row to the last."""
    with folder.metrics.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: [float(row[name]) for row in rows if row[name]] for name in rows[0]}
    return {name: values for name, values in columns.items() if values}


def test_losses_and_scores_are_logged_by_their_names(run_folder: RunFolder) -> None:
    metrics = metrics_of(run_folder)

    assert len(metrics["train/loss"]) == 8
    assert metrics["train/loss"] == metrics["train/loss/main"]
    assert len(metrics["val/loss"]) == 2
    assert metrics["val/mean_iou"] == metrics["val/pooled/mean_iou"]
    assert 0 < metrics["val/case/mean_dice"][-1] < 1


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_split_is_scored_as_its_images_are_predicted(
    split: EvalSplit, run_folder: RunFolder, run_config: SegmentationConfig
) -> None:
    segmenter = Segmenter.load(run_folder.weights)
    module, data = join(run_config, segmenter.model, split)
    validate(module, data, run_config.trainer, split=split)
    records = data.records(split)

    metric = module.metrics[split]
    for index, record in enumerate(records):
        [found] = segmenter.predict([record.path])
        truth = torch.from_numpy(records.labels(index, record.size))
        ids = torch.tensor([record.image_id])
        metric.update(torch.from_numpy(found.labels)[None], truth[None], ids)

    assert same(metric.compute(), module.scores[split])
    assert len(module.scores[split].counts.image_ids) == SPLITS[split]


@pytest.mark.parametrize(("at", "pixels"), [("original", 48 * 40), ("resized", 77 * 64)])
def test_pixels_are_counted_where_the_scores_are(at: str, pixels: int, mask_set: Path) -> None:
    config = tiny_run(mask_set, ["data.resize.test_short=64", f"scores.at={at}"])

    counts = score(config, random_model(config)).counts

    assert (0.9 * pixels < counts.decisions).all()
    assert (counts.decisions < pixels).all(), "the void rim counts nowhere"


@pytest.mark.parametrize("changes", [[], ["data.resize.test_short=64", "scores.at=resized"]])
def test_the_size_of_batches_changes_nothing(mask_set: Path, changes: list[str]) -> None:
    one, many = (
        tiny_run(mask_set, [*changes, f"data.eval_batch_size_per_device={size}"]) for size in (1, 3)
    )
    model = random_model(one)

    assert same(score(one, model), score(many, model))


def test_evaluation_looks_as_the_inference_says(mask_set: Path) -> None:
    config = tiny_run(mask_set)

    def discs_only(model: FCN, images: Images) -> Tensor:
        probabilities = torch.zeros(len(images.sizes), 3, *images.canvas.shape[-2:])
        probabilities[:, 1] = 1
        return probabilities

    per_class = score(config, random_model(config), inference=discs_only).per_class

    assert [row["pooled/accuracy"] for row in per_class.values()] == [0, 1, 0]


def test_flips_of_the_config_reach_the_scores(
    run_folder: RunFolder, mask_set: Path, run_config: SegmentationConfig
) -> None:
    model = Segmenter.load(run_folder.weights).model
    flipped = tiny_run(mask_set, ["inference.flips=[horizontal, vertical]"])

    assert not same(score(run_config, model), score(flipped, model))


def test_what_does_not_fit_is_refused(mask_set: Path) -> None:
    for changes, message in (
        (
            ["task=multilabel"],
            r"task=multilabel does not fit data\.val, whose masks are multiclass",
        ),
        (["scores.left_out=[cat]"], "cannot leave out cat of the classes background, disc, square"),
    ):
        config = tiny_run(mask_set, changes)
        with pytest.raises(ValueError, match=message):
            join(config, random_model(config), "val")


@given(SIZES, SIZES, st.booleans())
def test_labels_on_the_canvas_are_those_of_the_file(
    size: tuple[int, int], original: tuple[int, int], several: bool
) -> None:
    labels = torch.full((1, 2, 10, 10) if several else (1, 10, 10), IGNORE, dtype=torch.uint8)
    labels[..., : original[0], : original[1]] = torch.arange(
        original[0] * original[1], dtype=torch.uint8
    ).view(original)
    images = Images(torch.zeros(1, 3, 12, 12), torch.tensor([size]), torch.tensor([original]))

    canvas = on_canvas(labels, images)

    assert canvas.shape == (*labels.shape[:-2], 12, 12)
    inside = canvas[..., : size[0], : size[1]]
    rows, columns = (
        ((torch.arange(new) + 0.5) * old / new).floor().long()
        for new, old in zip(size, original, strict=True)
    )
    assert torch.equal(inside, labels[..., rows[:, None], columns].view_as(inside))
    outside = canvas.clone()
    outside[..., : size[0], : size[1]] = IGNORE
    assert (outside == IGNORE).all()


def test_forward_is_prediction(run_config: SegmentationConfig) -> None:
    module, data = join(run_config, random_model(run_config).eval(), "val")
    batch = next(iter(data.val_dataloader()))

    assert torch.equal(module(batch).labels, module.model.predict(batch.images).labels)
    assert module(batch).labels.shape[-2:] != SIZE
