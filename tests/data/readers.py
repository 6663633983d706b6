"""A large annotation file, and a reader that tells when it is called."""

import time
from pathlib import Path

import numpy as np

from lumbar.data.categories import Categories
from lumbar.data.records import Annotations, BoxTable, ImageTable, Repair
from lumbar.data.store import read_once

LARGE = 10 * 2**20
"""Bytes that are worth a file in the cache."""
NUM_IMAGES = 20


def make_annotations(first: int) -> Annotations:
    """Images of which some have objects; all boxes begin at `first`."""
    rng = np.random.default_rng(0)
    images = ImageTable(
        names=np.array([f"é/{number}.jpg" for number in range(NUM_IMAGES)]),
        ids=np.arange(NUM_IMAGES) * 7,
        sizes=np.full((NUM_IMAGES, 2), 60),
    )
    objects = BoxTable(
        owners=rng.integers(0, NUM_IMAGES // 2, 30),
        boxes=np.full((30, 4), first, dtype=np.float64),
        labels=rng.integers(0, 2, 30),
        crowd=rng.random(30) < 0.2,
        areas=rng.random(30),
    )
    categories = Categories(names=("cät", "dog"), ids=(4, 3))
    repairs = {"annotations without iscrowd: 0 taken": Repair(2, "annotations[0]")}
    return Annotations.build(images, objects, categories=categories, repairs=repairs)


def write_source(source: Path, first: int = 5) -> Path:
    """Writes a large file with one number in it."""
    source.write_text(str(first).ljust(LARGE))
    return source


def read(source: Path) -> Annotations:
    """Reads the file through the cache; whenever the file itself is read, a line is added beside it."""

    def read_file() -> Annotations:
        with source.with_suffix(".told").open("a") as told:
            told.write("read\n")
        return make_annotations(int(source.read_text()))

    return read_once(source, source.parent, read_file)


def times_read(source: Path) -> int:
    """How often the file itself was read."""
    return len(source.with_suffix(".told").read_text().splitlines())


def read_at(start: float, source: Path) -> None:
    """Waits for a time, so that several processes read at once."""
    time.sleep(max(0, start - time.time()))
    read(source)
