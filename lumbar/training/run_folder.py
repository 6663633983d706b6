"""The folder of one run: where each of its files lies."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_only

from lumbar.files import atomic_write
from lumbar.training.checkpoint import write_json

_RUNS = Path("runs")
_SHARED = "LUMBAR_RUN_FOLDER"
_LAST = "checkpoints/last.ckpt"


@dataclass(frozen=True)
class RunFolder:
    """Paths of what a run leaves behind."""

    path: Path

    @classmethod
    def create(
        cls, output: Path | None, name: str, *, resume: bool, mark: str = _LAST
    ) -> "RunFolder":
        """Makes the folder of a run, or finds that of the run to go on with.

        Only the first process of a distributed run makes one; the others get the same, and check nothing.

        Args:
            output: The folder; None takes the next free `runs/NAME-1`, `runs/NAME-2`, ... of the current folder, or
                when resuming the last of them that has the mark.
            name: Name of the config.
            resume: Whether an earlier run may be in the folder.
            mark: The file by which a run that can be resumed is known, by default its checkpoint.

        Raises:
            ValueError: Another run is there, or separately launched processes cannot agree on a folder.
        """
        if getattr(rank_zero_only, "rank", 0) > 0:
            return cls._of_first_process(output)
        path = output or (_last(name, mark) if resume else None) or _made(name)
        if not resume and path.is_dir() and any(path.iterdir()):
            raise ValueError(
                f"{path} is not empty: go on with the run in it with --resume auto, "
                "or choose another folder with --output"
            )
        if path.exists() and not path.is_dir():
            message = f"{path} is a file: name a folder with --output"
            raise ValueError(message)
        path.mkdir(parents=True, exist_ok=True)
        os.environ[_SHARED] = str(path.absolute())
        return cls(path)

    @classmethod
    def _of_first_process(cls, output: Path | None) -> "RunFolder":
        shared = os.environ.get(_SHARED)
        if output is None and shared is None:
            raise ValueError(
                "under torchrun and SLURM, name a run folder that all processes share with --output"
            )
        return cls(output or Path(str(shared)))

    @property
    def config(self) -> Path:
        """The config of the run with every key."""
        return self.path / "config.yaml"

    @property
    def metrics(self) -> Path:
        """Logged values, a row for each step."""
        return self.path / "metrics.csv"

    @property
    def checkpoints(self) -> Path:
        """Folder of `last.ckpt` and `best.ckpt`."""
        return self.path / "checkpoints"

    @property
    def last(self) -> Path:
        """Checkpoint of the last epoch, from which a run resumes."""
        return self.path / _LAST

    @property
    def best(self) -> Path:
        """Checkpoint of the best evaluation."""
        return self.checkpoints / "best.ckpt"

    @property
    def results(self) -> Path:
        """Final scores."""
        return self.path / "results.json"

    @property
    def weights(self) -> Path:
        """The trained model."""
        return self.path / "model.safetensors"

    @property
    def pictures(self) -> Path:
        """Folder of drawn images."""
        return self.path / "pictures"

    def write_config(self, text: str) -> None:
        """Writes the YAML of the config."""
        with atomic_write(self.config) as partial:
            partial.write_text(text, encoding="utf-8")

    def write_results(self, results: Mapping[str, Any]) -> None:
        """Writes the scores as JSON."""
        write_json(self.results, results)


def _numbered(name: str) -> Iterator[Path]:
    return (_RUNS / f"{name}-{number}" for number in count(1))


def _made(name: str) -> Path:
    """Makes the first folder that nobody made before, also when several runs start at once."""
    for path in _numbered(name):
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        break
    return path


def _last(name: str, mark: str) -> Path | None:
    made = takewhile(Path.exists, _numbered(name))
    return next(reversed([path for path in made if (path / mark).is_file()]), None)
