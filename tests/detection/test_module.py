"""The steps of the module add up the losses, score the splits, and drive the optimiser."""

import csv
from pathlib import Path

import pytest
import torch

from detection.coco_eval import CocoAP
from detection.config import DetectionConfig
from detection.data import make_datamodule
from detection.module import DetectionModule
from lumbar.data.datamodule import DataModule
from lumbar.training.run import fit, validate
from lumbar.training.run_folder import RunFolder
from tests.detection.parts import tiny_detector
from tests.detection.runs import tiny_run


def make_module(config: DetectionConfig, data: DataModule, *splits: str) -> DetectionModule:
    return DetectionModule(
        tiny_detector(),
        metrics={split: CocoAP(data.records(split)) for split in splits},
        optim=config.optim,
        schedule=config.schedule,
        images_per_batch=config.data.batch_size_per_device,
    )


def metrics_of(folder: RunFolder) -> dict[str, list[float]]:
    """The numbers of each column that has any, from the first row to the last."""
    with folder.metrics.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: [float(row[name]) for row in rows if row[name]] for name in rows[0]}
    return {name: values for name, values in columns.items() if values}


@pytest.mark.parametrize("stage", ["train", "val"])
def test_the_loss_is_the_sum_of_its_parts(stage: str, run_folder: RunFolder) -> None:
    metrics = metrics_of(run_folder)

    total = metrics[f"{stage}/loss"]
    names = ("rpn/objectness", "rpn/box", "roi/class", "roi/box")
    parts = {name: metrics[f"{stage}/{name}"] for name in names}

    assert len(total) == {"train": 2, "val": 1}[stage]
    assert total == pytest.approx([sum(step) for step in zip(*parts.values(), strict=True)])
    assert all(min(values) >= 0 for values in parts.values())


def test_scores_of_validation_are_logged(run_folder: RunFolder) -> None:
    metrics = metrics_of(run_folder)

    (ap,), (ap50,) = metrics["val/AP"], metrics["val/AP50"]

    assert 0 <= ap <= ap50 <= 1


@pytest.mark.parametrize("split", ["val", "test"])
def test_an_evaluation_can_be_repeated(split: str, examples: Path) -> None:
    config = tiny_run(examples, ["data.val.limit=2", "data.test.limit=2"])
    data = make_datamodule(config)
    module = make_module(config, data, split)

    first, second = (validate(module, data, config.trainer, split=split) for _ in range(2))

    assert first == second
    scores = module.scores[split]
    assert scores.num_images == 2
    assert scores.summary == pytest.approx({name: first[name] for name in scores.summary})


def test_perfect_detections_score_one(examples: Path) -> None:
    config = tiny_run(examples, ["data.eval_batch_size_per_device=4", "data.val.limit=3"])
    data = make_datamodule(config)
    (batch,) = data.val_dataloader()
    module = make_module(config, data, "val")
    ap = module.metrics["val"]
    found = module(batch)
    targets = batch.targets
    perfect = found._replace(
        boxes=targets.boxes,
        labels=targets.labels,
        valid=targets.valid,
        scores=targets.valid.float(),
    )

    module._collect("val", batch, perfect)

    assert ap.compute().summary["AP"] == pytest.approx(1)


def test_forward_is_prediction(examples: Path) -> None:
    config = tiny_run(examples)
    data = make_datamodule(config)
    module = make_module(config, data).eval()
    batch = next(iter(data.val_dataloader()))

    for ours, theirs in zip(module(batch), module.model.predict(batch.images), strict=True):
        assert torch.equal(ours, theirs)


def test_the_learning_rate_follows_the_total_batch(tmp_path: Path, examples: Path) -> None:
    changes = ["optim.lr=0.01", "optim.base_batch_size=16", "trainer.loggers=[]"]
    changes += ["trainer.accumulate=2", "trainer.max_steps=1", "data.val.limit=1"]
    config = tiny_run(examples, changes)
    data = make_datamodule(config)
    module = make_module(config, data, "val")
    before = [parameter.clone() for parameter in module.parameters()]

    trainer = fit(module, data, config.trainer, folder=RunFolder(tmp_path), seed=0)

    (optimizer,) = trainer.optimizers
    assert max(group["lr"] for group in optimizer.param_groups) == pytest.approx(0.01 * 4 / 16)
    assert trainer.global_step == 1
    pairs = zip(before, module.parameters(), strict=True)
    assert sum(not torch.equal(old, new) for old, new in pairs) > len(before) / 2
