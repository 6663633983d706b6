"""A run from the config to the run folder."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from detection.coco_eval import CocoScores
from detection.config import DetectionConfig
from detection.train import train
from detection.weights import load_detector
from lumbar.tasks.course import Trained
from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.load import load_config, override_config
from lumbar.training.run_folder import RunFolder
from tests.detection.runs import tiny_run


def states(folder: RunFolder) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The released weights, and those of the best checkpoint."""
    best = AtomicCheckpointIO().load_checkpoint(folder.best)["state_dict"]
    model = {key.removeprefix("model."): value for key, value in best.items()}
    return load_detector(str(folder.weights)).state, model


def test_config_reads_back(run_folder: RunFolder, run_config: DetectionConfig) -> None:
    assert load_config(DetectionConfig, run_folder.config) == run_config


def test_released_weights_are_the_best_ones(
    run_folder: RunFolder, run_config: DetectionConfig
) -> None:
    released, best = states(run_folder)

    assert released.keys() == best.keys()
    assert all(torch.equal(released[key], best[key]) for key in best)
    assert load_detector(str(run_folder.weights)).config == run_config


def test_results_are_those_of_the_test_split(run_folder: RunFolder) -> None:
    results = json.loads(run_folder.results.read_text())

    assert results.keys() == {"bbox", "per_class", "evaluator", "num_images"}
    assert results["num_images"] == 4
    assert results["per_class"].keys() == {"RBC", "WBC", "Platelets"}


@pytest.fixture(scope="module")
def untested(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Trained[CocoScores]:
    """A run without a test split, on canvases that are chosen from the data."""
    changes = ["data.test.annotations=''", "data.val.limit=3", "trainer.max_steps=1"]
    config = tiny_run(examples, [*changes, "data.canvas_buckets=auto"])
    return train(config, name="x", output=tmp_path_factory.mktemp("untested"))


def test_canvases_that_were_chosen_are_written_down(untested: Trained[CocoScores]) -> None:
    written = load_config(DetectionConfig, untested.folder.config).data.canvas_buckets

    assert written == ((96, 128),)
    assert load_detector(str(untested.folder.weights)).config.data.canvas_buckets == written


def test_without_a_test_split_validation_counts(untested: Trained[CocoScores]) -> None:
    trained = untested

    assert trained.scores.num_images == 3
    assert json.loads(trained.folder.results.read_text()) == trained.scores.to_dict()
    assert not (trained.folder.pictures / "test_predictions.jpg").exists()


def test_a_run_goes_on_from_its_last_checkpoint(
    tmp_path: Path, run_folder: RunFolder, run_config: DetectionConfig
) -> None:
    folder = shutil.copytree(run_folder.path, tmp_path / "copy")
    longer = override_config(run_config, ["trainer.max_steps=3"])

    resumed = train(longer, name="tiny", output=folder, resume="auto").folder

    before, after = (
        AtomicCheckpointIO().load_checkpoint(path.last) for path in (run_folder, resumed)
    )
    assert (before["global_step"], after["global_step"]) == (2, 3)
    assert len(resumed.metrics.read_text().splitlines()) > len(
        run_folder.metrics.read_text().splitlines()
    )


def test_a_checkpoint_is_refused_to_another_run(
    run_folder: RunFolder, run_config: DetectionConfig
) -> None:
    config, written = run_folder.config.read_bytes(), run_folder.last.stat().st_mtime_ns
    for changes, message in (
        (["optim.lr=1e-4"], r"optim\.lr: 0\.001 -> 0\.0001\nset them back.*--resume-anyway"),
        (["data.batch_size_per_device=1"], "trained with 2 images a step, and this run has 1"),
    ):
        other = override_config(run_config, changes)
        with pytest.raises(ValueError, match=message):
            train(other, name="tiny", output=run_folder.path, resume="auto")

    assert run_folder.config.read_bytes() == config
    assert run_folder.last.stat().st_mtime_ns == written


def test_other_classes_are_named_beside_those_of_the_checkpoint(
    tmp_path: Path, run_folder: RunFolder, run_config: DetectionConfig, examples: Path
) -> None:
    data = tmp_path / "bccd"
    shutil.copytree(examples / "bccd" / "annotations", data / "annotations")
    (data / "images").symlink_to(examples / "bccd" / "images")
    for file in (data / "annotations").iterdir():
        file.write_text(file.read_text().replace('"WBC"', '"cat"'))
    other = override_config(run_config, [f"data.root={data}"])

    with pytest.raises(
        ValueError, match=r"3 classes \(RBC, WBC, Platelets\).*3 classes \(RBC, cat, Platelets\)"
    ):
        train(other, name="tiny", output=run_folder.path, resume="auto", resume_anyway=True)


def test_a_run_goes_on_with_other_settings_on_demand(
    tmp_path: Path, run_folder: RunFolder, run_config: DetectionConfig
) -> None:
    folder = shutil.copytree(run_folder.path, tmp_path / "copy")
    other = override_config(run_config, ["trainer.clip_norm=1.0", "trainer.max_steps=3"])

    train(other, name="tiny", output=folder, resume="auto", resume_anyway=True)

    checkpoint = AtomicCheckpointIO().load_checkpoint(RunFolder(folder).last)
    assert checkpoint["global_step"] == 3
    assert checkpoint["run"]["config"]["trainer"]["clip_norm"] == 1.0


def test_training_starts_from_the_weights_of_another_run(
    tmp_path: Path, run_folder: RunFolder, examples: Path
) -> None:
    changes = [f"model.weights={run_folder.weights}", "optim.lr=1e-12", "trainer.max_steps=1"]
    tuned = train(tiny_run(examples, changes), name="tuned", output=tmp_path).folder

    start, end = (load_detector(str(folder.weights)).state for folder in (run_folder, tuned))

    for name, tensor in start.items():
        torch.testing.assert_close(end[name], tensor, rtol=0, atol=1e-9)


def test_missing_data_leave_no_run_folder(tmp_path: Path, examples: Path) -> None:
    config = tiny_run(examples, [f"data.root={tmp_path}/nothing"])

    with pytest.raises(ValueError, match=r"annotations: no such file.*data\.root=FOLDER"):
        train(config, name="tiny", output=tmp_path / "run")

    assert list(tmp_path.iterdir()) == []
