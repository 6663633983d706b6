"""Decoding undoes encoding, and both equal torchvision's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models.detection._utils import BoxCoder as TorchvisionBoxCoder

from detection.box_coder import BoxCoder
from tests.ops.strategies import random_boxes

seeds = st.integers(0, 2**31 - 1)
coders = st.sampled_from([BoxCoder(position=1.0, size=1.0), BoxCoder(position=10.0, size=5.0)])


@given(seeds, coders)
@settings(max_examples=25, deadline=None)
def test_decoding_undoes_encoding(seed: int, coder: BoxCoder) -> None:
    # Sides of at least 2 and at most 101 pixels keep the growth below the cap.
    boxes = random_boxes(3, 20, seed=seed) + torch.tensor([0.0, 0.0, 1.0, 1.0])
    references = random_boxes(3, 20, seed=seed + 1) + torch.tensor([0.0, 0.0, 1.0, 1.0])

    decoded = coder.decode(coder.encode(boxes, references), references)

    torch.testing.assert_close(decoded, boxes, rtol=0, atol=1e-9)


@given(seeds, coders)
@settings(max_examples=25, deadline=None)
def test_both_ways_equal_torchvision(seed: int, coder: BoxCoder) -> None:
    boxes, references = random_boxes(30, seed=seed), random_boxes(30, seed=seed + 1)
    deltas = torch.randn(30, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    theirs = TorchvisionBoxCoder((coder.position, coder.position, coder.size, coder.size))

    encoded, decoded = coder.encode(boxes, references), coder.decode(deltas * 5, references)

    torch.testing.assert_close(encoded, theirs.encode_single(boxes, references))
    torch.testing.assert_close(decoded, theirs.decode_single(deltas * 5, references))


@given(seeds, coders)
@settings(max_examples=25, deadline=None)
def test_offsets_do_not_change_when_both_boxes_move_or_grow(seed: int, coder: BoxCoder) -> None:
    boxes, references = random_boxes(20, seed=seed), random_boxes(20, seed=seed + 1)

    moved = coder.encode(boxes * 3 + 17, references * 3 + 17)

    torch.testing.assert_close(moved, coder.encode(boxes, references), rtol=1e-9, atol=1e-9)


def test_offsets_are_in_units_of_the_reference() -> None:
    coder = BoxCoder(position=10.0, size=5.0)
    reference = torch.tensor([10.0, 10.0, 30.0, 20.0])

    same = coder.decode(torch.zeros(4), reference)
    right_by_its_width = coder.decode(torch.tensor([10.0, 0.0, 0.0, 0.0]), reference)

    assert torch.equal(same, reference)
    assert torch.equal(right_by_its_width, torch.tensor([30.0, 10.0, 50.0, 20.0]))


@pytest.mark.parametrize("size", [1.0, 5.0])
def test_growth_is_capped_and_shrinking_is_not(size: float) -> None:
    coder = BoxCoder(position=1.0, size=size)
    reference = torch.tensor([0.0, 0.0, 16.0, 32.0])

    grown = coder.decode(torch.tensor([0.0, 0.0, 1e4, 1e4]), reference)
    shrunk = coder.decode(torch.tensor([0.0, 0.0, -1e4, -1e4]), reference)

    torch.testing.assert_close(grown[2:] - grown[:2], torch.tensor([1000.0, 2000.0]))
    assert torch.equal(shrunk, torch.tensor([8.0, 16.0, 8.0, 16.0]))


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_decoding_is_never_done_below_float32(dtype: torch.dtype, expected: torch.dtype) -> None:
    coder = BoxCoder(position=10.0, size=5.0)
    references = random_boxes(20, seed=0, size=1300).to(expected)
    deltas = torch.randn(20, 4, generator=torch.Generator().manual_seed(1)).to(dtype)

    boxes = coder.decode(deltas, references)

    assert boxes.dtype == expected
    torch.testing.assert_close(boxes, coder.decode(deltas.to(expected), references), rtol=0, atol=0)
