"""What all tests share: one thread of torch, seeds, and where the images lie."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# The same examples at each run; new ones are sought by `make test PYTEST_ADDOPTS=--hypothesis-profile=default`.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


# Triton interprets its kernels where there is no GPU. It must know before anything imports it, as torchvision does, and
# so do the conftest files of folders that pytest is called with.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")


def pytest_configure() -> None:
    """One thread each: results do not depend on the machine, and parallel tests do not fight for cores."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeds() -> None:
    """A test that draws numbers draws the same ones, whichever tests ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - libraries draw from the global generator
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of the images that come with the project."""
    return ROOT / "examples"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """A folder with more real data than the project carries: `LUMBAR_SHARED_DATA`, or beside the checkout."""
    folder = Path(os.environ.get("LUMBAR_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data at {folder}; name their folder with LUMBAR_SHARED_DATA")
    return folder
