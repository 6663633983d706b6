"""Training from the command line, from any folder: what it leaves behind, and what it says when it cannot."""

import csv
import json
import resource
import shutil
from pathlib import Path

import pytest
from safetensors import safe_open

from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.run_folder import RunFolder
from tests.end_to_end.shell import TOOLS, complain, run_tool, succeed
from tests.processes import start_script

TINY_IMAGES = (
    "data.resize.short=[64]",
    "data.resize.test_short=64",
    "data.resize.long=96",
    "data.workers=0",
)
NUMBERS = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
Trained = tuple[RunFolder, str]


def test_resnet101_writes_the_whole_run_folder(tmp_path: Path, coco: Path) -> None:
    shutil.copytree(coco, tmp_path / "my_coco", symlinks=True)
    model = ("model.backbone.weights=none", "model.backbone.norm=group", "model.backbone.width=16")
    limits = ("trainer.max_steps=2", "data.val.limit=2")
    command = ("--config", "faster_rcnn_r101.yaml", *model, "data.root=my_coco", *limits)

    output = succeed("train_det", *command, *TINY_IMAGES, folder=tmp_path)

    folder = RunFolder(tmp_path / "runs" / "faster_rcnn_r101-1")
    check_run_folder(folder, pictures={"train_batch.jpg", "val_predictions.jpg"})
    assert AtomicCheckpointIO().load_checkpoint(folder.last)["global_step"] == 2
    assert f"root: {tmp_path}/my_coco\n" in folder.config.read_text()
    for shown in ("resnet101", "6 to train, 2 to validate", "80: person", "AP50", "model.safe"):
        assert shown in output
    shutil.rmtree(folder.path)  # its checkpoints are large


def check_run_folder(folder: RunFolder, *, pictures: set[str]) -> None:
    """Every file is there, and holds what the documentation says."""
    assert {path.name for path in folder.path.iterdir()} == {
        "config.yaml",
        "metrics.csv",
        "tensorboard",
        "checkpoints",
        "results.json",
        "model.safetensors",
        "pictures",
    }
    assert {path.name for path in folder.checkpoints.iterdir()} == {"last.ckpt", "best.ckpt"}
    assert {path.name for path in folder.pictures.iterdir()} == pictures
    assert list((folder.path / "tensorboard").glob("events.out.tfevents.*"))
    with folder.metrics.open(newline="") as file:
        assert {"step", "train/loss", "train/lr", "val/AP"} <= set(next(csv.reader(file)))
    results = json.loads(folder.results.read_text())
    assert results.keys() == {"bbox", "per_class", "evaluator", "num_images"}
    assert list(results["bbox"]) == NUMBERS
    assert len(results["per_class"]) == 80
    assert results["evaluator"].keys() == {"name", "version"}
    assert results["num_images"] == 2
    with safe_open(folder.weights, "pt") as file:
        metadata = file.metadata()
    assert metadata.keys() >= {"lumbar", "config", "categories"}
    assert json.loads(metadata["categories"])["names"][:2] == ["person", "bicycle"]
    assert json.loads(metadata["config"])["data"]["val"]["images"] == "val2017"


def test_a_missing_area_is_repaired_and_stated(trained: Trained) -> None:
    assert (
        "annotations without area: area of the box taken (1, first in annotations[0])" in trained[1]
    )


def test_a_run_says_what_it_derived(trained: Trained) -> None:
    folder, output = trained

    for name in ("images", "classes", "batch", "steps", "lr", "device", "precision"):
        assert any(line.split()[:1] == [name] for line in output.splitlines()), name
    assert f"scores    runs/{folder.path.name}/results.json" in output
    assert "6 to train, 2 to validate" in output


def test_a_run_goes_on_where_it_ended(small_config: Path, trained: Trained, tmp_path: Path) -> None:
    first, _ = trained
    shutil.copytree(first.path, tmp_path / "run")
    command = ("--config", small_config, "--output", "run", "--resume", "auto")

    succeed("train_det", *command, "trainer.max_epochs=2", folder=tmp_path)

    second = RunFolder(tmp_path / "run")
    half, end = (
        AtomicCheckpointIO().load_checkpoint(run.last)["global_step"] for run in (first, second)
    )
    assert end == 2 * half
    with second.metrics.open(newline="") as file:
        steps = [int(row["step"]) for row in csv.DictReader(file) if row["train/loss"]]
    assert steps == list(range(end))


def test_missing_data_are_named_with_the_way_to_get_them(tmp_path: Path) -> None:
    message = complain(
        "train_det", "--config", "faster_rcnn_r50", "data.root=datasets/coco", folder=tmp_path
    )

    place = f"{tmp_path}/datasets/coco/annotations/instances_train2017.json"
    assert message.startswith(f"error: data.train.annotations: no such file or folder: {place}")
    assert "data.root=FOLDER" in message
    assert "https://cocodataset.org" in message
    assert list(tmp_path.iterdir()) == []


def test_missing_weights_are_named_with_the_way_to_get_them(tmp_path: Path, coco: Path) -> None:
    nowhere = dict.fromkeys(("https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")
    command = ("--config", "faster_rcnn_r50", f"data.root={coco}", "data.workers=0")

    message = complain(
        "train_det", *command, folder=tmp_path, TORCH_HOME=str(tmp_path), no_proxy="", **nowhere
    )

    assert "model.backbone.weights=torchvision/resnet50.v1" in message
    assert f"{tmp_path}/hub/checkpoints/resnet50-" in message
    assert "https://download.pytorch.org" in message
    assert "model.backbone.weights=none" in message


def test_mistakes_in_a_config_are_one_message_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "typos.yaml").write_text(
        "_base_: faster_rcnn_r50.yaml\noptim:\n  lrr: 0.1\ntrainer:\n  max_epochs: many\n"
    )

    code, message = run_tool("train_det", "--config", "typos.yaml", folder=tmp_path)

    assert code == 2
    lines = message.splitlines()
    assert lines == [
        "config error:",
        'typos.yaml:3: unknown key "optim.lrr", did you mean "lr"?',
        'typos.yaml:5: "trainer.max_epochs" must be a whole number, got "many"',
    ]


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("seed: 1\nmodel: {}\nseed: 2\n", "bad.yaml:3", '"seed"'),
        ("seed: 1\n_base_: faster_rcnn_r5.yaml\n", "bad.yaml:2", "did you mean"),
        ("seed: [\n", "bad.yaml:", "YAML"),
    ],
    ids=["duplicate", "base", "syntax"],
)
def test_a_broken_config_is_one_message_with_its_line(
    text: str, place: str, problem: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text(text)

    code, message = run_tool("train_det", "--config", "bad.yaml", folder=tmp_path)

    assert code == 2
    assert message.startswith("config error:\n")
    assert place in message
    assert problem in message
    assert "Traceback" not in message


def test_a_broken_image_is_named(tmp_path: Path, small_config: Path, coco: Path) -> None:
    shutil.copytree(coco, tmp_path / "coco")
    broken = sorted((tmp_path / "coco" / "train2017").iterdir())[1]
    broken.write_bytes(broken.read_bytes()[:2000])
    changes = ("data.root=coco", "data.workers=1")

    message = complain("train_det", "--config", small_config, *changes, folder=tmp_path)

    (line,) = [line for line in message.splitlines() if line.startswith("error:")]
    assert line.startswith(f"error: {broken}: cannot be read")


def fork_limited(name: str, *arguments: object, folder: Path) -> tuple[int, str]:
    """A tool that may write 2 MB into a file; it has that limit before it has read its settings."""
    printed = folder / "printed"
    process = start_script(TOOLS / f"{name}.py", *arguments, folder=folder, output=printed)
    assert process.pid is not None
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
    process.join()
    return process.exitcode or 0, printed.read_text()


def test_a_full_disk_is_one_message(tmp_path: Path, small_config: Path) -> None:
    """A process that may not write more than so much into a file finds what one on a full disk does."""
    command = ("--config", small_config, "--output", "run")

    message = complain("train_det", *command, folder=tmp_path, run=fork_limited)

    (line,) = [line for line in message.splitlines() if line.startswith("error:")]
    assert line.startswith("error: run/checkpoints/last.ckpt: cannot be written (")
    assert line.endswith("make room, and go on (a training run with --resume auto)")
    assert not any((tmp_path / "run" / "checkpoints").iterdir())
