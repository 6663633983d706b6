"""Two processes train as one does with the joint batch."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.detection.ranks import NORMS, OBJECTS, gradients, step_as_rank
from tests.processes import on_ranks

Steps = tuple[torch.dtype, list[dict[str, list[Tensor]]]]


@pytest.fixture(scope="module", params=[torch.float32, torch.float64], ids=["fp32", "fp64"])
def steps(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    """The number format, and the gradients as each of two ranks has them."""
    folder: Path = tmp_path_factory.mktemp("ranks")
    on_ranks(step_as_rank, folder, request.param)
    ranks = [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    return request.param, ranks


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("objects", OBJECTS)
def test_two_ranks_have_the_gradients_of_the_joint_batch(
    steps: Steps, norm: str, objects: tuple[int, int]
) -> None:
    dtype, ranks = steps
    # Statistics amplify the rounding of pixels.
    tolerance = {torch.float32: 1e-6 if norm == "frozen" else 5e-6, torch.float64: 1e-12}[dtype]
    on_one_rank = "batch" if norm == "sync" else norm
    expected = joined(gradients(on_one_rank, objects, slice(0, 2), dtype))

    assert expected.norm() > 1
    for rank in ranks:
        difference = joined(rank[f"{norm} {objects}"]) - expected
        assert difference.norm() <= tolerance * expected.norm()


def joined(parts: list[Tensor]) -> Tensor:
    """All parts (*) in one (N,)."""
    return torch.cat([part.flatten() for part in parts])
