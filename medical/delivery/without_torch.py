"""A process in which nobody has torch: it answers for an exported runner, one scan after the other.

    python -I -B without_torch.py EXPORT FOLDER THREADS

EXPORT is the folder of an export, whose `runner/` comes before all that is installed. Each line of the standard input
is a JSON list of the files of a scan; the calibrated probabilities (K, D, H, W) are written to
`FOLDER/probabilities.npy`, and an empty line to the standard output. Of this project only the copies are imported.
"""

import json
import sys
from pathlib import Path

MISSING = ("torch", "torchvision", "lightning", "pydantic")
"""Packages that cannot be imported there."""


def answer(export: Path, folder: Path, threads: int) -> None:
    """Predicts scans until there are no more lines.

    Args:
        export: Folder of the exported files.
        folder: Where probabilities are written.
        threads: Of the CPU.

    Raises:
        ImportError: The runner needs what is missing.
    """
    for name in MISSING:
        sys.modules[name] = None  # type: ignore[assignment]  # importing it is an error
    sys.path.insert(0, str(export / "runner"))
    import numpy as np

    from medical.scans import runner

    assert Path(runner.__file__).is_relative_to(export), runner.__file__
    predictor = runner.load_predictor(export, threads=threads)
    for line in sys.stdin:
        prediction = predictor(predictor.read([Path(file) for file in json.loads(line)]))
        np.save(folder / "probabilities.npy", prediction.probabilities)
        sys.stdout.write("\n")
        sys.stdout.flush()


if __name__ == "__main__":
    answer(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
