"""Photographs from files to batches: what a core decodes, resizes and augments, beside torchvision's pipelines.

All is measured in seconds of one core, whatever else the machine does. Pipelines run in a loader process, and are
counted with the hand-over to the process that trains. torchvision's are its reference recipes with version 2 of its
transforms, on tensors that Pillow has decoded; they end with images of their own sizes, those of Lumbar with a batch.
usage:

    python benchmarks/input.py [--quick] [--rounds 7] [--output FOLDER]
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from benchmarks.decoders import (
    Difference,
    as_tensor,
    decoders,
    decoding_differences,
    resizing_differences,
)
from benchmarks.pipelines import make_order, photo_records, pipelines
from benchmarks.processor import in_turns, seconds_of, seconds_of_image
from benchmarks.report import Report, Table, parse, publish
from benchmarks.timing import Times
from lumbar.data.image_io import read_image
from lumbar.data.interpolation import INTERPOLATIONS
from lumbar.data.records import Records
from lumbar.data.samplers import Key
from lumbar.data.sizes import Size

NEED = 160
"""Images that a step is to be fed with each second."""
BATCH = 8
SIZES: dict[str, Size] = {"800 x 1066": (800, 1066), "224 x 224": (224, 224)}


def measure(*, quick: bool, rounds: int | None) -> Report:
    """Measures decoders, ways to resize, and pipelines.

    Args:
        quick: Whether few photographs do.
        rounds: Timed ones; None: as many as it thinks right.
    """
    torch.set_num_threads(1)
    rounds = rounds or (1 if quick else 9)
    records = photo_records()
    photos = [record.path for record in records][: 8 if quick else None]
    megabytes = sum(photo.stat().st_size for photo in photos) / len(photos) / 1e6
    decoding = time_decoders(photos, rounds)
    apart = decoding_differences(decoders(), photos, SIZES["800 x 1066"])
    tables = {"decoding": _decoding_table(decoding, apart, megabytes)}
    values: dict[str, Any] = {"decoding": _values(decoding, apart)}
    for name, size in SIZES.items():
        resizing, apart = time_resizing(photos, size, rounds), resizing_differences(photos, size)
        tables[f"resizing to {name}"] = _resizing_table(resizing, apart)
        values[f"resizing to {name}"] = _values(resizing, apart)
    loading = time_pipelines(records, make_order(records, BATCH, 1 if quick else 4), rounds)
    tables["pipelines"] = _pipeline_table(loading)
    values["pipelines"] = {task: _values(found) for task, found in loading.items()}
    ratios = [
        found["lumbar"].faster_than(found["torchvision"], f"{task} pipeline")
        for task, found in loading.items()
    ]
    return Report(values, tables, ratios)


def time_decoders(photos: list[Path], rounds: int) -> dict[str, Times]:
    """Seconds of a core for a photograph, by decoder."""
    return in_turns(
        {name: partial(_seconds_each, decode, photos) for name, decode in decoders().items()},
        rounds,
    )


def time_resizing(photos: list[Path], size: Size, rounds: int) -> dict[str, Times]:
    """Seconds of a core for resizing a decoded photograph to a size (height, width), by rule."""
    images = [as_tensor(read_image(photo)) for photo in photos]
    return in_turns(
        {rule: partial(_seconds_each, way, images, size) for rule, way in INTERPOLATIONS.items()},
        rounds,
    )


def time_pipelines(
    records: Records, order: list[list[Key]], rounds: int
) -> dict[str, dict[str, Times]]:
    """Seconds of a core for an image of a batch, by task and by whose pipeline it is."""
    with TemporaryDirectory() as folder:
        return {
            task: in_turns(
                {
                    whose: partial(seconds_of_image, line.dataset, line.collate, order)
                    for whose, line in lines.items()
                },
                rounds,
            )
            for task, lines in pipelines(records, Path(folder)).items()
        }


def _seconds_each(change: Callable[..., object], items: Sequence[Any], *rest: object) -> float:
    return seconds_of(lambda: [change(item, *rest) for item in items]) / len(items)


def _decoding_table(
    times: dict[str, Times], apart: dict[str, Difference], megabytes: float
) -> Table:
    rows = [
        [
            name,
            f"{1 / found.median:.0f}",
            f"{megabytes / found.median:.1f}",
            f"{apart[name].largest:.0f}",
            f"{apart[name].mean:.2f}",
        ]
        for name, found in times.items()
    ]
    header = ["decoder", "img/s per core", "MB/s", "largest difference", "mean difference"]
    return Table(header, rows)


def _resizing_table(times: dict[str, Times], apart: dict[str, Difference]) -> Table:
    rows = [
        [rule, f"{1 / found.median:.0f}", f"{apart[rule].largest:.1f}", f"{apart[rule].mean:.2f}"]
        for rule, found in times.items()
    ]
    return Table(["rule", "img/s per core", "largest difference", "mean difference"], rows)


def _pipeline_table(loading: dict[str, dict[str, Times]]) -> Table:
    rows = [
        [
            task,
            whose,
            f"{1 / found.median:.0f}",
            f"{by_whose['torchvision'].median / found.median:.2f}",
            f"{NEED * found.median:.1f}",
        ]
        for task, by_whose in loading.items()
        for whose, found in by_whose.items()
    ]
    return Table(
        ["pipeline", "whose", "img/s per core", "peer's / its", f"cores for {NEED} img/s"], rows
    )


def _values(times: dict[str, Times], apart: dict[str, Difference] | None = None) -> dict[str, Any]:
    """Seconds of a core for an image, and differences from Pillow, as JSON can hold them."""
    return {
        name: found._asdict() | (apart[name]._asdict() if apart else {})
        for name, found in times.items()
    }


def main() -> None:
    """Measures, prints, writes."""
    options = parse(__doc__)
    publish("input", measure(quick=options.quick, rounds=options.rounds), options)


if __name__ == "__main__":
    main()
