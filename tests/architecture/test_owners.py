"""One owner for each hard thing: elsewhere it is neither imported nor called."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import PACKAGES, imports, parsed, sources

OWNERS_OF_LIBRARIES = {
    "albumentations": ["lumbar/data/albumentations.py"],
    "cv2": [
        "lumbar/data/interpolation.py"
    ],  # reads a small file into gigabytes, and a broken one as None
    "highdicom": ["medical/scans/dicom_seg.py"],
    "jinja2": ["medical/pages"],
    "nibabel": ["medical/scans/nifti.py"],
    "pickle": [
        "backbones/files.py",
        "backbones/pickles.py",
        "lumbar/training/checkpoint.py",
    ],  # runs what it reads; two of them only catch its errors
    "pytorch_lightning": [],  # a second tree of the same classes; ours is lightning.pytorch
    "tifffile": ["lumbar/data/windowed_tiff.py", "lumbar/data/mask_tiff.py"],
    "triton": ["lumbar/ops/kernels"],
}
OWNERS_OF_CALLS = {
    "Trainer": "lumbar/training/run.py",
    "Image.open": "lumbar/data/image_io.py",
}


def calls() -> Iterator[tuple[Path, ast.Call]]:
    """Every call in what is installed."""
    for file in sources(*PACKAGES):
        yield from ((file, node) for node in ast.walk(parsed(file)) if isinstance(node, ast.Call))


def test_a_library_is_imported_only_by_its_owner() -> None:
    assert not [
        f"{file}:{line}: {name}"
        for file in sources(*PACKAGES)
        for name, line in imports(file)
        if name.split(".")[0] in OWNERS_OF_LIBRARIES
        if not str(file).startswith(tuple(OWNERS_OF_LIBRARIES[name.split(".")[0]]))
    ]


def test_a_hard_thing_is_done_only_by_its_owner() -> None:
    assert not [
        f"{file}:{call.lineno}: {ast.unparse(call.func)}"
        for file, call in calls()
        if OWNERS_OF_CALLS.get(ast.unparse(call.func), str(file)) != str(file)
    ]


def test_checkpoints_are_read_without_running_code() -> None:
    """Written out each time: an environment variable can change the default, but no argument."""
    assert not [
        f"{file}:{call.lineno}"
        for file, call in calls()
        if ast.unparse(call.func) == "torch.load"
        if "weights_only=True" not in map(ast.unparse, call.keywords)
    ]
