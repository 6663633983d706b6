"""What every segmentation head must pass; the tests of each head call `check_head`."""

from collections.abc import Mapping
from copy import deepcopy
from math import ceil

import torch
from torch import Tensor

from backbones.base import FeatureSpec
from benchmarks.waits import count_syncs
from segmentation.heads import Head

PYRAMID = {f"p{n}": FeatureSpec(8, 2**n) for n in range(2, 7)}
BODY = {f"c{n}": FeatureSpec(4 * 2 ** (n - 2), 2**n) for n in range(2, 6)}
DENSE_BODY = {name: FeatureSpec(spec.channels, min(spec.stride, 8)) for name, spec in BODY.items()}


def check_head(head: Head) -> None:
    """A head keeps its declaration, its inputs and images apart, learns everywhere, and never waits."""
    head = spread(deepcopy(head).double())
    check_shapes(head)
    check_inputs(head)
    check_gradients(head)


def check_shapes(head: Head) -> None:
    """Logits of the declared classes and stride, for sizes that no stride divides, too."""
    for size in ((64, 96), (65, 97), (33, 70)):
        logits = head.eval()(make_maps(head.needs, size))
        assert logits.shape == (2, head.output.channels, *grid(size, head.output.stride))


def check_inputs(head: Head) -> None:
    """Each needed map matters, none is changed, and a batch gives what its images give alone."""
    maps = make_maps(head.needs, (65, 96))
    before = {name: x.clone() for name, x in maps.items()}
    with torch.no_grad():
        logits = head.eval()(maps)
        for row in range(2):
            alone = head({name: x[row : row + 1] for name, x in maps.items()})
            torch.testing.assert_close(logits[row : row + 1], alone)
        for name, x in maps.items():
            assert not torch.equal(head(maps | {name: x + 1}), logits), name
    assert all(torch.equal(maps[name], before[name]) for name in maps)


def check_gradients(head: Head) -> None:
    """A loss in training reaches every parameter and every map, without an operator that waits.

    What is dropped follows from the seeds of the images.
    """
    maps = {name: x.requires_grad_() for name, x in make_maps(head.needs, (64, 96)).items()}
    weights = torch.randn(2, head.output.channels, *grid((64, 96), head.output.stride))

    seeds = torch.arange(2)

    syncs = count_syncs(lambda: (head.train()(maps, seeds) * weights).sum().backward())

    assert syncs == {}
    assert torch.equal(head(maps, seeds), head(maps, seeds))
    for name, leaf in [*head.named_parameters(), *maps.items()]:
        assert leaf.grad is not None, name
        assert leaf.grad.any(), name
    head.zero_grad()


@torch.no_grad()
def spread(head: Head) -> Head:
    """Moves all weights from where they start, some of them at zero."""
    for parameter in head.parameters():
        parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return head


def make_maps(
    features: Mapping[str, FeatureSpec], size: tuple[int, int], *, images: int = 2
) -> dict[str, Tensor]:
    """Noise in float64 for a canvas of this size, always the same."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(
            images, channels, *grid(size, stride), generator=generator, dtype=torch.float64
        )
        for name, (channels, stride) in features.items()
    }


def grid(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """Rows and columns of a map."""
    return ceil(size[0] / stride), ceil(size[1] / stride)
