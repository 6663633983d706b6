"""Evaluating a segmenter from the command line: its own weights, and masks that it or others have predicted."""

import json
from pathlib import Path

import pytest

from lumbar.training.run_folder import RunFolder
from segmentation.evaluate import evaluate_weights
from tests.end_to_end.shell import complain, succeed, succeed_together, two_ranks

Trained = tuple[RunFolder, str]
PLAIN = "trainer.progress=none"
CLASSES = ("data.classes={background: 0, disc: 100, square: 200}", "data.void=[255]")


def test_weights_score_as_in_their_run(trained_seg: Trained, tmp_path: Path) -> None:
    run, _ = trained_seg

    command = ("--weights", run.weights, "--split", "test", "--output", tmp_path)
    succeed("eval_seg", *command, folder=tmp_path)

    assert (tmp_path / "results.json").read_text() == run.results.read_text()


@pytest.mark.parametrize("images", [3, 1])
def test_two_processes_print_the_table_of_one(
    images: int, trained_seg: Trained, tmp_path: Path
) -> None:
    source, changes = str(trained_seg[0].weights), (f"data.val.limit={images}", PLAIN)
    alone = evaluate_weights(
        source,
        config_source=None,
        overrides=[*changes, "data.eval_batch_size_per_device=3"],
        split="val",
        output=None,
    )

    command = ("--weights", source, "--output", tmp_path, *changes)
    shown = succeed_together("eval_seg", *command, folder=tmp_path, places=two_ranks())

    assert json.loads((tmp_path / "results.json").read_text()) == alone.to_dict()
    assert alone.to_dict()["num_images"] == images
    assert 0 < (alone.summary["pooled/mean_iou"] or 0) < 1
    assert shown == f"{alone.table()}\n"


def test_predicted_masks_score_as_their_weights_and_by_the_rules_of_others(
    trained_seg: Trained, masks: Path, tmp_path: Path
) -> None:
    run, _ = trained_seg
    images = masks / "images" / "test"
    succeed("predict", "--weights", run.weights, images, "--output", "out", folder=tmp_path)
    folders = ("--predictions", "out/masks", "--annotations", masks / "masks" / "test")
    command = (*folders, *CLASSES, "scores.left_out=[background]", "--output", "scores")

    shown = succeed("eval_seg", *command, "--policy", "mmseg", folder=tmp_path)

    results = json.loads((tmp_path / "scores" / "results.json").read_text())
    expected = json.loads(run.results.read_text())
    assert results["summary"] == expected["summary"]
    assert results["per_class"] == expected["per_class"]
    assert f"mIoU {results['policies']['mmseg']['mIoU']:.3f}" in shown


def test_masks_without_a_prediction_are_named(masks: Path, tmp_path: Path) -> None:
    (tmp_path / "found").mkdir()
    source = masks / "masks" / "test"
    (tmp_path / "found" / "0.png").write_bytes((source / "0.png").read_bytes())
    folders = ("--predictions", "found", "--annotations", source)

    message = complain("eval_seg", *folders, *CLASSES, folder=tmp_path)

    assert f"{source}/1.png: no image" in message
