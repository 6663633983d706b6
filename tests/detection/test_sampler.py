"""The choice has a fixed size, is balanced, fair, and a function of the seed alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from detection.sampler import BalancedSampler, Samples, count_slots, count_valid

BATCH, MAX_POSITIVE = 16, 4


@pytest.fixture
def sampler() -> BalancedSampler:
    return BalancedSampler(batch=BATCH, fg_fraction=0.25, stream=0)


def candidates(positive: int, negative: int, total: int = 60) -> tuple[Tensor, Tensor]:
    """Masks (1, total) of so many, scattered; the others are neither."""
    order = torch.randperm(total, generator=torch.Generator().manual_seed(positive + negative))
    rank = order.argsort()[None]
    return rank < positive, (rank >= positive) & (rank < positive + negative)


def choose(sampler: BalancedSampler, positive: int, negative: int, seed: int = 1) -> Samples:
    """The choice of one image."""
    return sampler(*candidates(positive, negative), torch.tensor([seed]))


@pytest.mark.parametrize(
    ("positive", "negative", "chosen_positive", "chosen"),
    [
        (20, 40, MAX_POSITIVE, BATCH),
        (3, 40, 3, BATCH),
        (0, 40, 0, BATCH),
        (20, 5, MAX_POSITIVE, MAX_POSITIVE + 5),
        (20, 0, MAX_POSITIVE, MAX_POSITIVE),
        (2, 3, 2, 5),
        (0, 0, 0, 0),
    ],
)
def test_sizes(
    sampler: BalancedSampler, positive: int, negative: int, chosen_positive: int, chosen: int
) -> None:
    samples = choose(sampler, positive, negative)

    assert samples.indices.shape == (1, BATCH)
    assert samples.positive[0].tolist() == [slot < chosen_positive for slot in range(BATCH)]
    assert samples.valid[0].tolist() == [slot < chosen for slot in range(BATCH)]


def test_counts_of_a_choice_that_found_too_few(sampler: BalancedSampler) -> None:
    samples = choose(sampler, 2, 3)

    assert (count_valid(samples).item(), count_slots(samples).item()) == (5, BATCH)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 2**31 - 1))
@settings(max_examples=40, deadline=None)
def test_each_is_what_it_is_chosen_as_and_chosen_once(
    positive: int, negative: int, seed: int
) -> None:
    is_positive, is_negative = candidates(positive, negative)

    samples = choose(
        BalancedSampler(batch=BATCH, fg_fraction=0.25, stream=0), positive, negative, seed
    )

    valid = samples.valid[0]
    index = samples.indices[0][valid]
    assert torch.equal(is_positive[0, index], samples.positive[0, valid])
    assert torch.equal(is_negative[0, index], ~samples.positive[0, valid])
    assert len(index.unique()) == len(index)
    assert not samples.positive[0, ~valid].any()


def test_fewer_candidates_than_slots_still_give_indices_inside(sampler: BalancedSampler) -> None:
    positive = torch.tensor([[True, False, False]])

    samples = sampler(positive, ~positive, torch.tensor([5]))

    assert samples.valid[0].sum() == 3
    assert samples.indices.min() >= 0
    assert samples.indices.max() < 3


def test_batch_equals_stacked_singles(sampler: BalancedSampler) -> None:
    masks = [candidates(10, 40), candidates(0, 60), candidates(2, 4)]
    positive, negative = (torch.cat(rows) for rows in zip(*masks, strict=True))
    seeds = torch.tensor([3, 3, 99])

    together = sampler(positive, negative, seeds)

    alone = [sampler(*rows, seeds[i : i + 1]) for i, rows in enumerate(masks)]
    for field, singles in zip(together, zip(*alone, strict=True), strict=True):
        assert torch.equal(field, torch.cat(singles))


def test_seed_and_stream_alone_decide(sampler: BalancedSampler) -> None:
    other_stream = BalancedSampler(batch=BATCH, fg_fraction=0.25, stream=1)

    first = choose(sampler, 20, 40, seed=1).indices
    torch.manual_seed(123)

    assert torch.equal(first, choose(sampler, 20, 40, seed=1).indices)
    assert not torch.equal(first, choose(sampler, 20, 40, seed=2).indices)
    assert not torch.equal(first, choose(other_stream, 20, 40, seed=1).indices)


def test_every_candidate_has_the_same_chance(sampler: BalancedSampler) -> None:
    images, positive, negative = 2000, 12, 48
    is_positive, is_negative = (x.expand(images, -1) for x in candidates(positive, negative))

    samples = sampler(is_positive, is_negative, torch.arange(images))

    times = torch.bincount(samples.indices.flatten(), minlength=60).double()
    for mask, slots in ((is_positive[0], MAX_POSITIVE), (is_negative[0], BATCH - MAX_POSITIVE)):
        share = slots / int(mask.sum())
        spread = (images * share * (1 - share)) ** 0.5
        assert ((times[mask] - images * share).abs() < 4.5 * spread).all()


def test_compiled_choice_is_the_same(sampler: BalancedSampler) -> None:
    @torch.compile(fullgraph=True, backend="aot_eager")
    def compiled(positive: Tensor, negative: Tensor, seeds: Tensor) -> Samples:
        return sampler(positive, negative, seeds)

    masks, seeds = candidates(10, 40), torch.tensor([2**31 - 1])

    for one, other in zip(compiled(*masks, seeds), sampler(*masks, seeds), strict=True):
        assert torch.equal(one, other)
