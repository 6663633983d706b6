"""A run of the toy task that takes long enough to be stopped: `long_run.py FOLDER DEVICES STAGE WORKERS`.

Each rank leaves its process id beside FOLDER once it has taken some batches of the stage, training or evaluation.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from lumbar.training.run import fit
from tests.training.toy import TRAINER, ShuffledData, ToyModule, new_folder

ENOUGH = 3


class LongModule(ToyModule):
    """Takes its time."""

    def __init__(self, folder: Path, stage: str) -> None:
        super().__init__()
        self.folder = folder
        self.stage = stage

    def training_step(self, batch: Sequence[Tensor], batch_index: int) -> Tensor:
        self._take("training", batch_index)
        return super().training_step(batch, batch_index)

    def validation_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        self._take("evaluation", batch_index)
        super().validation_step(batch, batch_index)

    def _take(self, stage: str, batch_index: int) -> None:
        time.sleep(0.05 if stage == self.stage else 0)
        if stage == self.stage and batch_index == ENOUGH:
            name = f"{self.folder.name}.{self.global_rank}"
            self.folder.with_name(name).write_text(str(os.getpid()))


class LongData(ShuffledData):
    """Thousands of images for one stage, a few for the other; one rank evaluates more of them."""

    def __init__(self, stage: str, workers: int) -> None:
        super().__init__(count=8 if stage == "evaluation" else 8000, workers=workers)
        self.long = stage == "evaluation"

    def val_dataloader(self) -> DataLoader[Any]:
        assert self.trainer is not None
        return self._loader((2000 if self.long else 4) + 6 * self.trainer.global_rank)


if __name__ == "__main__":
    if "LOCAL_RANK" not in os.environ:
        os.setsid()  # a process group of its own, as a terminal gives one to each command
    torch.set_num_threads(1)
    place, devices, stage, workers = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    config = TRAINER.model_copy(update={"devices": devices, "max_epochs": 1, "loggers": ("csv",)})
    data = LongData(stage, int(workers))
    fit(LongModule(place, stage), data, config, folder=new_folder(place))
