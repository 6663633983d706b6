"""Another run does not go on from a checkpoint unnoticed."""

from pathlib import Path
from typing import Any

import pytest
import torch

import lumbar
from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.run import fit
from lumbar.training.run_record import RunRecord
from tests.training.toy import TRAINER, ToyData, ToyModule, new_folder

CONFIG: dict[str, Any] = {
    "seed": 0,
    "model": {"backbone": {"name": "resnet50", "weights": "none"}},
    "data": {"root": "/data", "workers": 2, "flip": 0.5, "val": {"annotations": "a.json"}},
    "optim": {"lr": 0.02},
    "trainer": {"max_epochs": 12, "devices": 8, "precision": "bf16", "loggers": ["csv"]},
}
CLASSES = ["cat", "dog"]


def record(changes: dict[str, Any] | None = None, **others: Any) -> RunRecord:
    """A run with some sections changed."""
    config = CONFIG | {name: CONFIG[name] | part for name, part in (changes or {}).items()}
    return RunRecord(config, **({"classes": CLASSES, "images_per_step": 16} | others))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last of a run with `CONFIG`."""
    folder = new_folder(tmp_path_factory.mktemp("run"))
    fit(ToyModule(), ToyData(), TRAINER, folder=folder, callbacks=[record()])
    return folder.last


def test_a_checkpoint_says_what_its_run_is(checkpoint: Path) -> None:
    run = AtomicCheckpointIO().load_checkpoint(checkpoint)["run"]

    assert run["config"] == CONFIG
    assert run["classes"] == CLASSES
    assert run["versions"].keys() == {"lumbar", "torch", "lightning"}
    assert run["versions"]["lumbar"] == lumbar.__version__


def test_the_same_run_has_no_changes(checkpoint: Path) -> None:
    assert record().compare(checkpoint) == ""


def test_how_a_run_is_driven_may_change_and_is_shown(checkpoint: Path) -> None:
    changes = {
        "data": {"root": "/moved", "workers": 0, "val": {"annotations": "b.json"}},
        "trainer": {"max_epochs": 24, "devices": 4, "loggers": [], "extra": None},
    }

    assert record({k: v for k, v in changes.items() if k == "data"}).compare(checkpoint) == (
        'data.root: "/data" -> "/moved"\n'
        "data.workers: 2 -> 0\n"
        'data.val.annotations: "a.json" -> "b.json"'
    )
    assert record({"trainer": changes["trainer"]}).compare(checkpoint) == (
        'trainer.max_epochs: 12 -> 24\ntrainer.devices: 8 -> 4\ntrainer.loggers: ["csv"] -> []'
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"optim": {"lr": 0.01}}, r"optim\.lr: 0\.02 -> 0\.01"),
        ({"data": {"flip": 0.0}}, r"data\.flip: 0\.5 -> 0\.0"),
        ({"trainer": {"precision": "fp32"}}, r'trainer\.precision: "bf16" -> "fp32"'),
        ({"trainer": {"ema_decay": 0.9}}, r"trainer\.ema_decay: null -> 0\.9"),
        (
            {"model": {"backbone": {"name": "resnet18"}}},
            r'backbone\.name: "resnet50" -> "resnet18"',
        ),
    ],
)
def test_what_decides_the_result_may_change_only_on_demand(
    checkpoint: Path, changes: dict[str, Any], line: str
) -> None:
    with pytest.raises(
        ValueError, match=rf"last\.ckpt was saved with other .*\n.*{line}\n.*anyway"
    ):
        record(changes).compare(checkpoint)
    assert len(record(changes).compare(checkpoint, anyway=True).splitlines()) >= 1


def test_all_changes_are_named_at_once(checkpoint: Path) -> None:
    config = CONFIG | {"seed": 1, "optim": {"lr": 0.1}}

    with pytest.raises(ValueError, match=r"(?s)seed: 0 -> 1.*optim\.lr: 0\.02 -> 0\.1"):
        RunRecord(config, classes=CLASSES, images_per_step=16).compare(checkpoint)


@pytest.mark.parametrize("anyway", [False, True])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["dog", "cat"]}, r"apart 2 classes \(cat, dog\), .* 2 classes \(dog, cat\)"),
        ({"classes": [f"c{n}" for n in range(80)]}, r"80 classes \(c0, .*, c7, \.\.\.\)"),
        ({"images_per_step": 8}, r"16 images a step, and this run has 8: choose .* to be 16"),
    ],
)
def test_what_gives_labels_and_places_their_meaning_never_changes(
    checkpoint: Path, change: dict[str, Any], message: str, anyway: bool
) -> None:
    with pytest.raises(ValueError, match=message):
        record(**change).compare(checkpoint, anyway=anyway)


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1)}, tmp_path / "w.ckpt")

    with pytest.raises(ValueError, match=r"w\.ckpt: not a checkpoint of a run"):
        record().compare(tmp_path / "w.ckpt")
