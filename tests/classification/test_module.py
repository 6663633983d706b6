"""The steps of the module log losses, error and scores; held stages wait for their epoch."""

import csv
from pathlib import Path

import torch

from classification.data import make_datamodule
from classification.module import make_module
from classification.train import train
from classification.weights import load_classifier
from lumbar.training.run_folder import RunFolder
from tests.classification.made_up import make_images, pointwise_network
from tests.classification.runs import NAMES, tiny_run


def columns(folder: RunFolder) -> dict[str, list[float]]:
    with folder.metrics.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows if row[name]] for name in rows[0]}


def test_losses_errors_and_scores_are_logged(run_folder: RunFolder) -> None:
    logged = columns(run_folder)

    assert len(logged["train/loss"]) == len(logged["train/error"]) == 6
    assert all(error * 8 == round(error * 8) for error in logged["train/error"])
    assert len(logged["val/top1"]) == len(logged["val/loss"]) == 2
    assert "val/top5" not in logged


def test_forward_is_prediction(examples: Path) -> None:
    module = make_module(pointwise_network().eval(), tiny_run(examples), NAMES, ["val"])
    batch = next(
        iter(make_datamodule(tiny_run(examples).data, in_channels=3, seed=0).val_dataloader())
    )

    assert torch.equal(module(batch).scores, module.model.predict(batch.images).scores)
    assert module.model.predict(make_images(2)).scores.shape == (2, 3)


def test_stages_are_held_and_then_trained_in_one_run(
    examples: Path, run_folder: RunFolder, tmp_path: Path
) -> None:
    held = ["model.backbone.freeze=[stem, layer1]", f"model.weights={run_folder.weights}"]
    start = load_classifier(str(run_folder.weights)).state
    stem, head = "backbone.conv1.weight", "fc.weight"
    for epoch, moved in ((2, False), (1, True)):
        config = tiny_run(examples, [*held, f"model.thaw_epoch={epoch}", "trainer.max_epochs=2"])
        folder = train(config, name="x", output=tmp_path / str(epoch)).folder
        checkpoint = torch.load(folder.last, weights_only=True)["state_dict"]
        assert torch.equal(checkpoint[f"model.{stem}"], start[stem]) != moved
        assert not torch.equal(checkpoint[f"model.{head}"], start[head])


def test_without_weights_nothing_is_held(examples: Path) -> None:
    config = tiny_run(examples, ["model.backbone.freeze=[stem]", "model.thaw_epoch=1"])

    assert make_module(pointwise_network(), config, NAMES, ["val"]).thaw is None
    held = make_module(pointwise_network(), config, NAMES, ["val"], pretrained=True)
    assert held.thaw is not None
