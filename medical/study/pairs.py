"""Images and their masks on the disk: folders that lie side by side, with equal names inside."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from lumbar.data.faults import refuse
from medical.scans.read import scan_kind
from medical.scans.sources import stem

IMAGES = "images"
MASKS = ("masks", "labels", "annotations", "segmentations")
"""Names of the folders, in small or capital letters."""

# What people add to the name of a mask, which its image lacks.
_ENDINGS = ("_mask", "_masks", "_seg", "_segmentation", "_label", "_labels", "-mask", "-seg", "_gt")
_CHANNEL = re.compile(r"(.+)_\d{4}")
_KNOWN = (
    "known are folders `images` and `masks` (or labels, annotations, segmentations) side by side at any depth, with "
    "equal names inside; nnU-Net's imagesTr, labelsTr and dataset.json; and a table cases.csv with the columns "
    "case,image,mask"
)


class Pair(NamedTuple):
    """The files of one case."""

    name: str
    """Path relative to the data without the type of the file; unique."""
    images: tuple[Path, ...]
    """One file or folder of a series for each channel."""
    mask: Path


def find_pairs(root: Path) -> list[Pair]:
    """Pairs the files of all folders `images` with those of the folders of masks beside them, by their names.

    Where each mask is called as its image and one ending like `_mask`, that is its image, too.

    Args:
        root: Folder of the data.

    Raises:
        ValueError: There are no such folders, or files without a partner; all are named.
    """
    folders = [*_folders(root)]
    if not folders:
        raise ValueError(f"{root.absolute()}: no folder of images beside one of masks: {_KNOWN}")
    pairs: list[Pair] = []
    faults: list[str] = []
    for images, masks in folders:
        prefix = images.parent.relative_to(root).as_posix()
        scans = scans_in(images)
        series = [name for name, path in scans.items() if path.is_dir()]
        found, without = _paired(scans, scans_in(masks, whole=series), (images, masks))
        pairs += [pair._replace(name=_joined(prefix, pair.name)) for pair in found]
        faults += without
    refuse(
        faults,
        what=f"{root}: images and masks that do not pair up",
        fix="A mask is nested and named as its image; images that nobody has annotated belong into another folder, and "
        "a healthy image needs an empty mask",
    )
    if not pairs:
        raise ValueError(f"{root.absolute()}: the folders of images and masks are empty")
    return pairs


def find_channels(images: Path, masks: Path, ending: str) -> list[Pair]:
    """Pairs files as nnU-Net does: `case_0000.png`, `case_0001.png` are the channels of the image for `case.png`.

    Args:
        images: Its folder imagesTr.
        masks: Its folder labelsTr.
        ending: Of all file names.

    Raises:
        ValueError: Files have no partner, or the numbers of channels differ.
    """
    truths = {file.name.removesuffix(ending): file for file in _ending(masks, ending)}
    channels: dict[str, list[Path]] = {}
    for file in _ending(images, ending):
        name = file.name.removesuffix(ending)
        match = _CHANNEL.fullmatch(name)
        # The Decathlon's own files have one channel, and no number.
        key = match[1] if match and (match[1] in truths or name not in truths) else name
        channels.setdefault(key, []).append(file)
    refuse(
        _lonely(channels, truths, (images, masks)),
        what=f"{images.parent}: images and labels that do not pair up",
        fix="nnU-Net calls the channels of the image for labelsTr/case.png imagesTr/case_0000.png and so on",
    )
    most = max(map(len, channels.values()), default=0)
    refuse(
        [
            f"{name}: {len(files)} of {most}"
            for name, files in channels.items()
            if len(files) < most
        ],
        what=f"{images}: cases that lack channels",
    )
    if not channels:
        raise ValueError(f"{images.absolute()}: no files that end in {ending}")
    return [Pair(name, tuple(files), truths[name]) for name, files in channels.items()]


def scans_in(folder: Path, *, whole: Collection[str] = ()) -> dict[str, Path]:
    """Finds the scans of a folder and its subfolders: files of a known kind, and folders of DICOM files.

    Args:
        folder: Where to look.
        whole: Paths in it, relative and without type, of folders that are each one scan, whatever they hold.

    Returns:
        Each by its path relative to the folder, without the type of the file, sorted.

    Raises:
        ValueError: Two have the same name.
    """
    found: dict[str, Path] = {}
    twins = []
    for path in _scans(folder, {folder / name for name in whole}):
        name = (path.relative_to(folder).parent / stem(path)).as_posix()
        twins += [f"{path}: so is {found[name].name}"] if name in found else []
        found[name] = path
    refuse(twins, what="files that are named alike", fix="remove or rename one of each")
    return found


def _scans(folder: Path, whole: Collection[Path]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):  # what macOS and editors leave behind
            continue
        # A series of one channel lies in a folder of its own.
        if scan_kind(path) is not None or (path in whole and path.is_dir()):
            yield path
        elif path.is_dir():
            yield from _scans(path, whole)


def _folders(root: Path) -> Iterator[tuple[Path, Path]]:
    """Each folder of images with that of its masks."""
    if not root.is_dir():
        raise ValueError(f"data: no such folder: {root.absolute()}")
    for images in sorted(path for path in root.rglob("*") if path.name.lower() == IMAGES):
        beside = {path.name.lower(): path for path in images.parent.iterdir() if path.is_dir()}
        masks = [beside[name] for name in MASKS if name in beside]
        if len(masks) > 1:
            raise ValueError(
                f"{images.parent}: {' and '.join(mask.name for mask in masks)} both look like folders of masks: "
                "remove or rename all but one"
            )
        if images.is_dir() and masks:
            yield images, masks[0]


def _paired(
    images: Mapping[str, Path], masks: Mapping[str, Path], folders: tuple[Path, Path]
) -> tuple[list[Pair], list[str]]:
    """The pairs of two folders, and the files without a partner."""
    ending = next((e for e in _ENDINGS if masks and {*masks} <= {name + e for name in images}), "")
    truths = {name.removesuffix(ending): file for name, file in masks.items()}
    pairs = [Pair(name, (file,), truths[name]) for name, file in images.items() if name in truths]
    return pairs, _lonely(images, truths, folders)


def _lonely(
    images: Iterable[str], truths: Mapping[str, Path], folders: tuple[Path, Path]
) -> list[str]:
    names = {*images}
    lonely = [
        f"{folders[0] / name}: no mask in {folders[1]}" for name in names if name not in truths
    ]
    return sorted(lonely) + [
        f"{file}: no image in {folders[0]}" for name, file in truths.items() if name not in names
    ]


def _ending(folder: Path, ending: str) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(f"no such folder: {folder.absolute()}; nnU-Net's data have it")
    files = (file for file in sorted(folder.iterdir()) if file.name.endswith(ending))
    return [file for file in files if not file.name.startswith(".")]


def _joined(prefix: str, name: str) -> str:
    return name if prefix == "." else f"{prefix}/{name}"
