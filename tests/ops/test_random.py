"""Keys are functions of their counters, distinct, and look random."""

import torch

from lumbar.ops.random import mix, random_keys


def test_mix_is_one_to_one_on_a_stretch() -> None:
    values = torch.arange(1 << 18)

    mixed = mix(values)

    assert len(mixed.unique()) == len(values)
    assert mixed.min() >= 0
    assert mixed.max() < 1 << 32


def test_rows_depend_on_their_own_seed_only() -> None:
    together = random_keys(torch.tensor([5, 6, 7]), 0, 100)
    alone = random_keys(torch.tensor([6]), 0, 100)

    assert torch.equal(together[1:2], alone)


def test_seed_and_stream_change_the_keys() -> None:
    seeds = torch.tensor([1])

    first = random_keys(seeds, 0, 1000)

    assert (first != random_keys(seeds, 1, 1000)).float().mean() > 0.99
    assert (first != random_keys(seeds + 1, 0, 1000)).float().mean() > 0.99


def test_longer_rows_begin_like_shorter_ones() -> None:
    seeds = torch.tensor([9])

    assert torch.equal(random_keys(seeds, 0, 1000)[:, :10], random_keys(seeds, 0, 10))


def test_keys_never_tie_and_order_is_uniform() -> None:
    keys = random_keys(torch.arange(400), 3, 50)

    assert all(len(row.unique()) == 50 for row in keys)
    firsts = torch.bincount(keys.argmax(1), minlength=50).float()
    # 400 rows over 50 places: 8 each; chi-squared with 49 degrees of freedom stays below 90 with p > 0.999.
    assert ((firsts - 8) ** 2 / 8).sum() < 90


def test_bits_are_balanced() -> None:
    keys = random_keys(torch.tensor([0]), 0, 1 << 15)[0]

    shares = [((keys >> bit) & 1).float().mean().item() for bit in range(32)]

    assert all(abs(share - 0.5) < 0.02 for share in shares)


def test_compiled_keys_are_the_same() -> None:
    compiled = torch.compile(random_keys, fullgraph=True, backend="aot_eager")
    seeds = torch.tensor([3, 2**31 - 1])

    assert torch.equal(compiled(seeds, 1, 64), random_keys(seeds, 1, 64))
