"""Files of measured numbers: what was measured, where, when, and on which versions."""

import datetime as dt
import json
import platform
from pathlib import Path
from typing import Any

import torch
import torchvision

import lumbar

FOLDER = Path(__file__).parent / "results"


def device_name() -> str:
    """The GPU, or the processor with its number of threads."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2] for line in lines if line.startswith("model name")), "CPU")
    return f"{model.strip()}, {torch.get_num_threads()} threads"


def write(name: str, values: dict[str, Any]) -> Path:
    """Writes measured values with date, machine and versions.

    Args:
        name: What was measured.
        values: The numbers.

    Returns:
        The file, `results/NAME-DATE-cpu.json` or `-cuda.json`.
    """
    today = dt.datetime.now(dt.UTC).date().isoformat()
    head = {
        "date": today,
        "device": device_name(),
        "python": platform.python_version(),
        "versions": {
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "lumbar": lumbar.__version__,
        },
    }
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    path = FOLDER / f"{name}-{today}-{kind}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(head | values, indent=2) + "\n", encoding="utf-8")
    return path


def table(header: list[str], rows: list[list[str]]) -> str:
    """Lines of left-aligned columns."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
