"""Files of measured numbers: what was measured, where, when, and on which versions.

Imports torch late, so that a process whose memory is measured may do without.
"""

import datetime as dt
import json
import platform
from pathlib import Path
from typing import Any

import lumbar

FOLDER = Path(__file__).parent / "results"


def device_kind() -> str:
    """`cuda` or `cpu`: what the benchmarks run on here."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def device_name() -> str:
    """The GPU, or the processor with its number of threads."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2] for line in lines if line.startswith("model name")), "CPU")
    return f"{model.strip()}, {torch.get_num_threads()} threads"


def write(name: str, values: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Writes measured values with date, machine and versions.

    Args:
        name: What was measured.
        values: The numbers, in any nesting of dictionaries, lists and tuples.
        folder: Where.

    Returns:
        The file, `NAME-DATE-cpu.json` or `-cuda.json`.
    """
    import torch
    import torchvision

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
    path = folder / f"{name}-{today}-{device_kind()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_plain(head | values), indent=2) + "\n", encoding="utf-8")
    return path


def _plain(values: Any) -> Any:
    """The same with named tuples as objects, which JSON would make lists of."""
    if hasattr(values, "_asdict"):
        values = values._asdict()
    if isinstance(values, dict):
        return {key: _plain(value) for key, value in values.items()}
    return [_plain(value) for value in values] if isinstance(values, list | tuple) else values


def latest(name: str, kind: str, folder: Path = FOLDER) -> Path | None:
    """The last file of a benchmark on a kind of device, None where there is none."""
    return max(folder.glob(f"{name}-????-??-??-{kind}.json"), default=None)


def table(header: list[str], rows: list[list[str]]) -> str:
    """Lines of left-aligned columns."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
