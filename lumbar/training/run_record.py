"""What a run is, so that another one does not go on from its checkpoint unnoticed."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

import lumbar
from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.complaints import shown

_SHOWN = 8
_FREE = (
    *("data.root.", "data.workers.", "data.batch_size_per_device.", "data.val.", "data.test."),
    *("data.eval_batch_size_per_device.", "trainer.accelerator.", "trainer.devices."),
    *("trainer.nodes.", "trainer.accumulate.", "trainer.max_epochs.", "trainer.max_steps."),
    *("trainer.channels_last.", "trainer.compile.", "trainer.deterministic.", "inference."),
    *("trainer.val_every_epochs.", "trainer.log_every_steps.", "trainer.save_every_steps."),
    *("trainer.max_skipped_steps.", "trainer.slurm_requeue.", "trainer.loggers."),
    *("trainer.progress.", "model.weights.", "model.backbone.weights.", "versions."),
    "scores.",
)
"""Settings and sections that say how a run is driven or judged, not what it learns from what."""


class RunRecord(Callback):
    """What a run is, as it is kept in its checkpoints."""

    def __init__(
        self, config: Mapping[str, Any], *, classes: Sequence[str], images_per_step: int
    ) -> None:
        """Describes a run.

        Args:
            config: Every setting, in mappings, lists, text and numbers.
            classes: Their names in the order of the labels.
            images_per_step: Over all ranks and accumulated batches.
        """
        self._record: dict[str, Any] = {
            "config": dict(config),
            "classes": list(classes),
            "images_per_step": images_per_step,
            "versions": {
                "lumbar": lumbar.__version__,
                "torch": str(torch.__version__),
                "lightning": lightning.__version__,
            },
        }

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Adds the record."""
        checkpoint["run"] = self._record

    def compare(self, path: Path, *, anyway: bool = False) -> str:
        """What this run has other than the run that it is to go on with: a line `key: old -> new` each.

        Args:
            path: The checkpoint of that run.
            anyway: Goes on although it will learn otherwise from here.

        Raises:
            ValueError: The classes differ, or the images of a step, or without `anyway` a setting that decides what is
                learned.
        """
        saved = AtomicCheckpointIO().load_checkpoint(path).get("run")
        if saved is None:
            raise ValueError(f"{path}: not a checkpoint of a run, or of another version of Lumbar")
        self._check_meaning(path, saved)
        old, new = (run["config"] | {"versions": run["versions"]} for run in (saved, self._record))
        changes = dict(setting_changes(old, new))
        deciding = [line for key, line in changes.items() if not f"{key}.".startswith(_FREE)]
        if deciding and not anyway:
            listed = "\n  ".join(deciding)
            raise ValueError(
                f"{path} was saved with other settings, so that this would be neither that run nor a new one:\n"
                f"  {listed}\nset them back, train anew in another --output, or insist with --resume-anyway"
            )
        return "\n".join(changes.values())

    def _check_meaning(self, path: Path, saved: Mapping[str, Any]) -> None:
        """Raises where labels, or the place in the data, would have another meaning."""
        if saved["classes"] != self._record["classes"]:
            raise ValueError(
                f"{path} tells apart {_named(saved['classes'])}, and data.train has {_named(self._record['classes'])}: "
                "take the data it was trained on, or train anew, from model.weights=RUN/model.safetensors if you like"
            )
        before, now = saved["images_per_step"], self._record["images_per_step"]
        if before != now:
            raise ValueError(
                f"{path} was trained with {before} images a step, and this run has {now}: "
                f"choose data.batch_size_per_device x devices x trainer.accumulate to be {before}"
            )


def setting_changes(old: Any, new: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Says which settings differ, and how.

    Args:
        old: Settings, in mappings, lists, text and numbers.
        new: Others.
        key: Where both stand.

    Yields:
        The key of each setting that differs, and a line `key: old -> new`.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            place = f"{key}.{name}" if key else name
            yield from setting_changes(old.get(name), new.get(name), place)
    elif old != new:
        yield key, f"{key}: {shown(old)} -> {shown(new)}"


def _named(classes: Sequence[str]) -> str:
    more = ", ..." * (len(classes) > _SHOWN)
    return f"{len(classes)} classes ({', '.join(classes[:_SHOWN])}{more})"
