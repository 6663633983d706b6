"""Mixed images are sums or windows of two, targets have the same shares, and all follows from the images' own seeds."""

import torch
from torch import Tensor

from classification.mixing import Mixing

K = 5


def batch(size: int, *, edge: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(size)
    x = torch.rand((size, 3, edge, edge), generator=generator, dtype=torch.float64)
    targets = torch.eye(K, dtype=torch.float64)[torch.arange(size) % K]
    seeds = torch.randint(0, 2**31, (size,), generator=generator)
    return x, targets, seeds


def own_shares(mixed: Tensor, targets: Tensor) -> Tensor:
    return (mixed * targets).sum(1)


def test_without_settings_nothing_is_mixed() -> None:
    x, targets, seeds = batch(4)

    mixed, shares = Mixing()(x, targets, seeds)

    assert mixed is x
    assert shares is targets


def test_mixup_lays_neighbours_over_each_other() -> None:
    x, targets, seeds = batch(6)

    mixed, shares = Mixing(mixup=0.4)(x, targets, seeds)

    own = own_shares(shares, targets)
    partners = torch.tensor([1, 0, 3, 2, 5, 4])
    expected = own[:, None, None, None] * x + (1 - own)[:, None, None, None] * x[partners]
    torch.testing.assert_close(mixed, expected)
    torch.testing.assert_close(
        shares, own[:, None] * targets + (1 - own)[:, None] * targets[partners]
    )
    assert len({*own.tolist()}) == 6


def test_cutmix_takes_a_window_of_the_neighbour() -> None:
    x, targets, seeds = batch(8)

    mixed, shares = Mixing(cutmix=1.0)(x, targets, seeds)

    partners = torch.arange(8) ^ 1
    kept, taken = (mixed == x).all(1), (mixed == x[partners]).all(1)
    assert (kept ^ taken).all()
    torch.testing.assert_close(kept.double().mean((1, 2)), own_shares(shares, targets))
    for window in taken:
        rows, columns = window.any(1), window.any(0)
        assert int(window.sum()) == int(rows.sum()) * int(columns.sum())


def test_either_is_as_likely_where_both_are_given() -> None:
    x, targets, seeds = batch(400, edge=4)

    mixed, _ = Mixing(mixup=1.0, cutmix=1.0)(x, targets, seeds)

    whole = ((mixed != x) & (mixed != x[torch.arange(400) ^ 1])).flatten(1).any(1)
    assert 160 < int(whole.sum()) < 240


def test_shares_are_those_of_the_beta_distribution() -> None:
    x, targets, seeds = batch(2000, edge=1)

    _, shares = Mixing(mixup=0.2)(x, targets, seeds)

    own = own_shares(shares, targets)
    assert abs(float(own.mean()) - 0.5) < 0.03
    assert abs(float(own.var()) - 1 / (4 * (2 * 0.2 + 1))) < 0.01


def test_the_last_of_an_odd_batch_stays() -> None:
    x, targets, seeds = batch(3)

    mixed, shares = Mixing(mixup=1.0)(x, targets, seeds)

    torch.testing.assert_close(mixed[2], x[2])
    torch.testing.assert_close(shares[2], targets[2])


def test_ranks_mix_as_one_process() -> None:
    x, targets, seeds = batch(8)
    mixing = Mixing(mixup=0.2, cutmix=1.0)

    together = mixing(x, targets, seeds)
    apart = [
        mixing(*(field[part] for field in (x, targets, seeds)))
        for part in (slice(0, 4), slice(4, 8))
    ]

    for whole, halves in zip(together, zip(*apart, strict=True), strict=True):
        assert torch.equal(whole, torch.cat(halves))


def test_it_has_no_state_to_save() -> None:
    assert not Mixing(mixup=0.2, cutmix=1.0).state_dict()
