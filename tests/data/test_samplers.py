"""Laws of sampling: what a step or an evaluation sees does not depend on the number of ranks."""

from itertools import chain

import numpy as np
import pytest
from numpy.typing import NDArray

from lumbar.data.samplers import EvalBatchSampler, Key, TrainBatchSampler

GROUPS = (np.arange(103) % 4 == 0).astype(np.int64)  # 26 and 77 images


def steps(
    groups: NDArray[np.int64],
    batch: int,
    world: int,
    *,
    accumulate: int = 1,
    epoch: int = 0,
    seed: int = 0,
) -> list[list[int]]:
    """The images of each step, over all ranks and accumulated batches."""
    samplers = [
        TrainBatchSampler(
            groups, batch_size=batch, seed=seed, rank=rank, world=world, accumulate=accumulate
        )
        for rank in range(world)
    ]
    for sampler in samplers:
        sampler.epoch = epoch
    rows = [list(sampler) for sampler in samplers]
    assert {len(row) for row in rows} == {len(sampler) for sampler in samplers}
    assert all(len(part) == batch for row in rows for part in row)
    assert {key[0] for row in rows for part in row for key in part} == {epoch}
    batches = [[index for _, index in chain(*parts)] for parts in zip(*rows, strict=True)]
    assert len(batches) % accumulate == 0
    return [
        list(chain(*batches[start : start + accumulate]))
        for start in range(0, len(batches), accumulate)
    ]


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_unite_to_the_batches_of_one_process(world: int) -> None:
    assert steps(GROUPS, 8 // world, world) == steps(GROUPS, 8, 1)


@pytest.mark.parametrize("world", [1, 2])
def test_accumulated_batches_unite_to_the_larger_batch(world: int) -> None:
    assert steps(GROUPS, 4 // world, world, accumulate=2) == steps(GROUPS, 8, 1)
    assert steps(np.zeros(3, np.int64), 2, world, accumulate=4) == steps(
        np.zeros(3, np.int64), 8 * world, 1
    )


def test_batches_hold_one_group_and_drop_only_tails() -> None:
    batches = steps(GROUPS, 8, 1)
    assert len(batches) == 26 // 8 + 77 // 8
    assert all(len(set(GROUPS[batch])) == 1 for batch in batches)
    seen = list(chain(*batches))
    assert len(seen) == len(set(seen))


def test_groups_are_mixed_over_the_epoch() -> None:
    order = [int(GROUPS[batch[0]]) for batch in steps(GROUPS, 4, 1)]
    assert 1 in order[: len(order) // 2]
    assert 1 in order[len(order) // 2 :]


def test_order_follows_from_seed_and_epoch() -> None:
    assert steps(GROUPS, 4, 1, epoch=3) == steps(GROUPS, 4, 1, epoch=3)
    different = [steps(GROUPS, 4, 1), steps(GROUPS, 4, 1, epoch=1), steps(GROUPS, 4, 1, seed=1)]
    assert len({str(order) for order in different}) == 3


def test_every_image_gets_its_turn() -> None:
    seen = {index for epoch in range(20) for index in chain(*steps(GROUPS, 8, 1, epoch=epoch))}
    assert seen == set(range(len(GROUPS)))


def test_a_group_too_small_for_a_batch_joins_the_largest() -> None:
    groups = np.array([0] * 21 + [1] * 3)
    batches = steps(groups, 4, 2)
    assert sorted(chain(*batches)) == list(range(24))


@pytest.mark.parametrize("world", [1, 2])
def test_a_small_data_set_is_repeated_to_one_batch(world: int) -> None:
    (batch,) = steps(np.array([0, 1, 1]), 8 // world, world)
    assert [batch.count(index) for index in range(3)] in ([3, 3, 2], [3, 2, 3], [2, 3, 3])


def test_skipping_leaves_the_rest_as_it_was() -> None:
    sampler = TrainBatchSampler(GROUPS, batch_size=4, seed=0, rank=0, world=1)
    whole = list(sampler)
    sampler.skip = 5
    assert list(sampler) == whole[5:]
    assert len(sampler) == len(whole)


def views(world: int, *, batch: int = 12, epoch: int = 1, skip: int = 0) -> list[list[Key]]:
    """The views of each step where an image has three."""
    one_group, rows = np.zeros(41, np.int64), []
    for rank in range(world):
        sampler = TrainBatchSampler(
            one_group, batch_size=batch // world, seed=0, rank=rank, world=world, repeats=3
        )
        sampler.epoch, sampler.skip = epoch, skip
        rows.append(list(sampler))
        assert len(rows[-1]) == len(sampler) - skip
    return [list(chain(*parts)) for parts in zip(*rows, strict=True)]


def test_repeated_images_stand_in_one_step_in_rounds_of_their_own() -> None:
    batches = views(1)
    assert len(batches) == 41 // 12
    for batch in batches:
        shown = {index for _, index in batch}
        assert sorted(batch) == sorted((number, index) for number in (3, 4, 5) for index in shown)
    assert len({key for batch in batches for key in batch}) == 36
    assert not {*chain(*batches)} & {*chain(*views(1, epoch=2))}


def test_repeats_are_the_same_for_any_ranks_and_after_a_pause() -> None:
    assert views(2) == views(4) == views(1)
    assert views(2, skip=2) == views(1)[2:]


def test_repeats_are_of_one_group() -> None:
    with pytest.raises(AssertionError, match="steps"):
        TrainBatchSampler(GROUPS, batch_size=4, seed=0, rank=0, world=1, repeats=2)


def shards(canvases: list[tuple[int, int]], world: int, batch: int = 2) -> list[list[list[int]]]:
    samplers = [
        EvalBatchSampler(canvases, batch_size=batch, rank=rank, world=world)
        for rank in range(world)
    ]
    shards = [list(sampler) for sampler in samplers]
    assert [len(sampler) for sampler in samplers] == [len(shard) for shard in shards]
    return [[[index for _, index in part] for part in shard] for shard in shards]


@pytest.mark.parametrize("world", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("count", [1, 5, 7, 64])
def test_shards_are_the_batches_of_one_process(count: int, world: int) -> None:
    canvases = [(32, 64) if index % 3 else (64, 32) for index in range(count)]
    ((whole,), parts) = (shards(canvases, 1), shards(canvases, world))

    dealt = list(chain(*parts))
    for batch in whole:
        dealt.remove(batch)
    assert all(batch == whole[-1] for batch in dealt)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_rank_without_images_repeats_the_last() -> None:
    assert shards([(32, 32)], 3) == [[[0]]] * 3


def test_nothing_is_sampled_from_nothing() -> None:
    assert shards([], 2) == [[], []]


def test_eval_batches_hold_every_image_once_on_one_canvas() -> None:
    canvases = [(32, 64) if index % 3 else (64, 32) for index in range(20)]
    (batches,) = shards(canvases, 1, batch=4)

    assert sorted(chain(*batches)) == list(range(20))
    for batch in batches:
        assert len({canvases[index] for index in batch}) == 1
        assert 1 <= len(batch) <= 4
