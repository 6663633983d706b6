"""Where the kernels run: compiled on a GPU, else in Triton's interpreter, which `tests/conftest.py` asks for."""

import pytest
import torch


@pytest.fixture
def device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
