"""Does an exported runner find what torch finds? Asked of real scans, in a process that has no torch."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import torch
from numpy.typing import NDArray

from medical.delivery import without_torch
from medical.scans.prediction import Predictor

TOLERANCE = 1e-4
"""Of a probability."""

_LAST = 2000
"""Characters of what a process says before it ends."""


def largest_differences(
    predictor: Predictor, export: Path, cases: Iterable[Sequence[Path]]
) -> Iterator[float]:
    """Predicts scans by torch and by an exported runner.

    Args:
        predictor: With networks of torch.
        export: Folder of the exported files.
        cases: The files of each scan.

    Yields:
        For each scan the largest difference of any calibrated probability.

    Raises:
        ValueError: The runner fails, or a scan cannot be read.
    """
    with _Runner.started(export.resolve()) as runner:
        for files in cases:
            expected = predictor(predictor.read(files)).probabilities
            yield float(np.abs(expected - runner.probabilities(files)).max())


class _Runner:
    """The other process."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, complaints: IO[str]) -> None:
        self._process = process
        self._folder = folder
        self._complaints = complaints

    @classmethod
    @contextmanager
    def started(cls, export: Path) -> "Iterator[_Runner]":
        """Starts it, and ends it afterwards."""
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as complaints:
            # Isolated: neither the folder it is started in nor the environment adds anything to import from.
            python, script = [sys.executable, "-I", "-B"], without_torch.__file__
            with subprocess.Popen(  # noqa: S603 - our own file
                [*python, script, str(export), folder, str(torch.get_num_threads())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                bufsize=0,  # nothing is left to be written when it has ended
            ) as process:
                try:
                    yield cls(process, Path(folder), complaints)
                finally:
                    process.kill()

    def probabilities(self, files: Sequence[Path]) -> NDArray[np.float32]:
        """Those of one scan, (K, D, H, W).

        Raises:
            ValueError: It has ended.
        """
        assert self._process.stdin
        assert self._process.stdout
        line = json.dumps([str(file.resolve()) for file in files]) + "\n"
        try:
            self._process.stdin.write(line.encode())
        except BrokenPipeError as error:
            raise ValueError(self._last_words()) from error
        if not self._process.stdout.readline():
            raise ValueError(self._last_words())
        found: NDArray[np.float32] = np.load(self._folder / "probabilities.npy")
        return found

    def _last_words(self) -> str:
        self._process.wait()
        self._complaints.seek(0)
        return (
            f"the exported runner fails without torch:\n{self._complaints.read()[-_LAST:].strip()}"
        )
