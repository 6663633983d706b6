"""Annotations of the size of COCO: the first reading, later ones, and what loader workers add.

The file is made up: 118 thousand images, 860 thousand boxes, each with a polygon. usage:

    python benchmarks/annotations.py [--quick] [--output FOLDER]
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.report import Report, Table, parse, publish
from lumbar.data.coco import read_coco
from lumbar.data.records import Records

IMAGES, BOXES = 118_287, 860_001
CLASSES = 80
WIDTH, HEIGHT = 640, 480
WORKERS = 8


def write_annotations(path: Path, images: int, boxes: int) -> None:
    """Writes a COCO file with as much text for each image and box as the real one has.

    Args:
        path: The file.
        images: How many.
        boxes: How many; the polygons are drawn from a stock of two thousand.
    """
    rng = np.random.default_rng(0)
    lengths = rng.gamma(2, 12, 2000).astype(int) + 4
    outlines = [json.dumps([_points(rng, 2 * length)]) for length in lengths]
    columns = (
        rng.integers(0, images, boxes),
        rng.integers(1, CLASSES + 1, boxes),
        rng.integers(0, len(outlines), boxes),
        (rng.random((boxes, 4)) * ((WIDTH / 2, HEIGHT / 2) * 2) + 1).round(2),
    )
    with path.open("w") as file:
        file.write('{"images": [')
        file.write(", ".join(map(_image, range(images))))
        file.write('], "annotations": [')
        for place, (image, category, outline, box) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        ):
            file.write(
                f'{", " * (place > 0)}{{"segmentation": {outlines[outline]}, "area": {box[2] * 99:.4f}, "iscrowd": 0, '
                f'"image_id": {image}, "bbox": {box}, "category_id": {category}, "id": {place + 1}}}'
            )
        names = [{"id": key, "name": f"class {key}"} for key in range(1, CLASSES + 1)]
        file.write(f'], "categories": {json.dumps(names)}}}')


def _points(rng: np.random.Generator, count: int) -> list[float]:
    points: list[float] = (rng.random(count) * HEIGHT).round(2).tolist()
    return points


def _image(number: int) -> str:
    address = f"http://images.example.org/train2017/{number:012d}.jpg"
    return json.dumps(
        {
            "license": 3,
            "file_name": f"{number:012d}.jpg",
            "coco_url": address,
            "height": HEIGHT,
            "width": WIDTH,
            "date_captured": "2013-11-14 11:18:45",
            "flickr_url": address,
            "id": number,
        }
    )


def _read(path: Path, connection: Any) -> None:
    start, worked = time.perf_counter(), time.process_time()
    _records(path)
    found = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - worked}
    connection.send({**found, "peak_mib": _sizes("self/status")["VmHWM:"]})


def _records(path: Path) -> Records:
    return read_coco(path, path.parent, name="train")


def reading(path: Path) -> dict[str, float]:
    """Reads in a new process.

    Args:
        path: The file.

    Returns:
        Seconds without imports, by the clock and of the processor, and the highest memory in MiB.
    """
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_read, args=(path, sender))
    process.start()
    found: dict[str, float] = receiver.recv()
    process.join()
    return found


def _work(records: Records, looks: int, ready: Callable[[], Any], done: Callable[[], Any]) -> None:
    gc.freeze()  # as `start_worker` does
    for look in range(looks):
        records[look % len(records)]
    gc.collect()
    ready()
    done()


def memory_of_workers(records: Records, looks: int, count: int, method: str) -> dict[str, float]:
    """Starts workers that look at records, as loader workers do in an epoch.

    Args:
        records: What they look at, again and again.
        looks: How often each of them does.
        count: How many.
        method: How they are started: fork, spawn or forkserver.

    Returns:
        Sum over the workers in MiB: `pss` shares each page among its users, `uss` counts pages of one process only.
    """
    context: Any = get_context(method)
    ready, done = context.Barrier(count + 1), context.Barrier(count + 1)
    arguments = (records, looks, ready.wait, done.wait)
    workers = [context.Process(target=_work, args=arguments) for _ in range(count)]
    for worker in workers:
        worker.start()
    ready.wait()
    sums = [_memory(worker.pid) for worker in workers]
    done.wait()
    for worker in workers:
        worker.join()
    return {kind: sum(memory[kind] for memory in sums) for kind in ("pss", "uss")}


def _memory(pid: int) -> dict[str, float]:
    sizes = _sizes(f"{pid}/smaps_rollup")
    return {"pss": sizes["Pss:"], "uss": sizes["Private_Clean:"] + sizes["Private_Dirty:"]}


def _sizes(name: str) -> dict[str, float]:
    """What a file of /proc gives in kB, in MiB."""
    lines = map(str.split, Path("/proc", name).read_text().splitlines())
    return {words[0]: int(words[1]) / 2**10 for words in lines if words[-1] == "kB"}


def measure(folder: Path, scale: int, workers: int) -> dict[str, Any]:
    """Writes the file, reads it twice, and hands it to workers.

    Args:
        folder: Where the file and the cache go.
        scale: Divides the number of images and boxes.
        workers: How many.

    Returns:
        The numbers.
    """
    path = folder / "instances.json"
    os.environ["LUMBAR_CACHE"] = str(folder / "cache")
    # Elsewhere, because forked workers would copy what is left of it in memory.
    writer = get_context("spawn").Process(
        target=write_annotations, args=(path, IMAGES // scale, BOXES // scale)
    )
    writer.start()
    writer.join()
    readings = {"first": reading(path), "later": reading(path)}
    records = _records(path)
    added = {}
    for method in ("fork", "spawn", "forkserver"):
        one, every = (
            memory_of_workers(what, len(records), workers, method)
            for what in (records.first(1), records)
        )
        added[method] = {kind: every[kind] - one[kind] for kind in one}
    [cached] = (folder / "cache").glob("*.annotations")
    sizes = {"json_mb": path.stat().st_size / 1e6, "cache_mb": cached.stat().st_size / 1e6}
    return {**sizes, "readings": readings, "workers": workers, "added_mib": added}


def tables(found: dict[str, Any]) -> dict[str, Table]:
    """Readings, and what workers add."""
    readings = [
        [name, f"{one['seconds']:.2f}", f"{one['cpu_seconds']:.2f}", f"{one['peak_mib']:.0f}"]
        for name, one in found["readings"].items()
    ]
    added = [
        [method, f"{mib['pss']:.0f}", f"{mib['uss']:.0f}"]
        for method, mib in found["added_mib"].items()
    ]
    return {
        "readings": Table(["reading", "seconds", "of the processor", "MiB at most"], readings),
        "workers": Table(
            [f"{found['workers']} workers by", "PSS added, MiB", "USS added, MiB"], added
        ),
    }


def main() -> None:
    """Measures, prints, writes."""
    options = parse(__doc__)
    with TemporaryDirectory() as folder:
        plan = (10, 2) if options.quick else (1, WORKERS)
        found = measure(Path(folder), *plan)
    publish("annotations", Report(found, tables(found)), options)


if __name__ == "__main__":
    main()
