"""Segmented image files: masks, drawings, and the areas of the classes."""

import csv
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from rich.progress import Progress

from lumbar.data.draw_masks import draw_masks, with_legend
from lumbar.data.pixel_classes import PixelClasses
from lumbar.data.windowed_tiff import tiff_size
from lumbar.files import atomic_write
from lumbar.tasks.images import find_images, names_for
from lumbar.training.checkpoint import write_json
from segmentation.large_images import Overview, segment_tiff
from segmentation.mask_files import write_masks
from segmentation.segmenter import Segmenter

_log = logging.getLogger(__name__)

_TIFF = (".tif", ".tiff")


def predict_files(
    source: str, patterns: Sequence[str], *, output: Path, inference: Sequence[str] = ()
) -> None:
    """Labels the pixels of image files.

    Writes into `output`: `masks/`, PNG files in the size of the images with the values of the training masks (a folder
    for each class where pixels may have several); `drawn/`, the images under the colours of the classes; and the areas
    of the classes in each image, `areas.csv` and `areas.json`. TIFF files beyond `data.max_image_megapixels` are read
    by windows at their own resolution; their masks are TIFF files, too, and a preview of them is drawn.

    Args:
        source: Weights, as for `Segmenter.load`.
        patterns: Files, folders, or globs.
        output: Folder of the results.
        inference: Settings of inference that win over those of the weights, as for `Segmenter.load`.

    Raises:
        ValueError: Weights or images are missing or cannot be read.
    """
    masks, drawn = output / "masks", output / "drawn"
    files = find_images(patterns, outside=[masks, drawn])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    segmenter = Segmenter.load(source, device=device, inference=inference)
    areas = []
    with Progress(transient=True) as progress:
        named = [*zip(files, names_for(files), strict=True)]
        for file, name in progress.track(named, description="predict"):
            overview = _segment(segmenter, file, masks / name, progress)
            _draw(overview, segmenter.classes, drawn / f"{name}.jpg")
            areas.append(_areas(file, overview, segmenter.classes.names))
    write_json(output / "areas.json", areas)
    _write_csv(output / "areas.csv", areas)
    _log.info("%d images", len(files))
    _log.info("masks     %s", masks)
    _log.info("areas     %s", output / "areas.csv")
    _log.info("pictures  %s", drawn)


def _segment(segmenter: Segmenter, file: Path, mask: Path, progress: Progress) -> Overview:
    """Segments one file; `mask` is what its masks are called, without suffix."""
    limit = segmenter.config.data.max_image_megapixels * 1e6
    if file.suffix.lower() in _TIFF and math.prod(tiff_size(file)) > limit:
        return _segment_large(segmenter, file, mask, progress)
    image = segmenter.read(file)
    prediction = segmenter.predict([image])[0]
    write_masks(mask.parent, mask.name, prediction.labels, segmenter.classes)
    height, width, _ = image.shape
    return Overview((height, width), prediction.pixels, image, prediction.labels)


def _segment_large(segmenter: Segmenter, file: Path, mask: Path, progress: Progress) -> Overview:
    height, width = tiff_size(file)
    _log.info("%s: %d x %d pixels, segmented by windows", file, width, height)
    task = progress.add_task(file.name, total=height)
    target = mask.with_name(f"{mask.name}.tif")

    def advance(rows: int) -> None:
        progress.advance(task, rows)

    overview = segment_tiff(segmenter, file, target, advance=advance)
    progress.remove_task(task)
    return overview


def _draw(overview: Overview, classes: PixelClasses, path: Path) -> None:
    picture = draw_masks(overview.image, overview.labels, classes.names, classes.colours)
    shares = overview.pixels / math.prod(overview.size)
    # Where nothing was found, the legend says what was sought.
    shown = [label for label in range(len(classes)) if shares[label] > 0 or not shares.any()]
    legend = [f"{classes.names[label]} {shares[label]:.1%}" for label in shown]
    picture = with_legend(picture, legend, [classes.colours[label] for label in shown])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, quality=92)


def _areas(file: Path, overview: Overview, names: Sequence[str]) -> dict[str, Any]:
    height, width = overview.size
    return {
        "file_name": str(file),
        "height": height,
        "width": width,
        "classes": {
            name: {"pixels": pixels, "share": pixels / (height * width)}
            for name, pixels in zip(names, overview.pixels.tolist(), strict=True)
        },
    }


def _write_csv(path: Path, areas: Sequence[Mapping[str, Any]]) -> None:
    with atomic_write(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file_name", "class", "pixels", "share"))
        for image in areas:
            for name, area in image["classes"].items():
                writer.writerow((image["file_name"], name, area["pixels"], area["share"]))
