"""Sum, branch alone, gate."""

import torch

from backbones.merges import Add, Highway, Plain
from tests.contracts import pixels


def test_the_sum_is_made_in_the_branch() -> None:
    shortcut, branch = pixels(2, 3, 4, 4), pixels(2, 3, 4, 4) * 2
    wanted, before = shortcut + branch, shortcut.clone()
    assert Add(3)(shortcut, branch) is branch
    assert torch.equal(branch, wanted)
    assert torch.equal(shortcut, before)


def test_a_plain_unit_has_no_shortcut() -> None:
    branch = pixels(1, 3, 4, 4)
    assert Plain(3)(torch.full_like(branch, torch.nan), branch) is branch


def test_a_highway_is_the_formula_and_begins_nearly_closed() -> None:
    torch.manual_seed(0)
    merge = Highway(3).double()
    shortcut, branch = pixels(2, 3, 5, 5), pixels(2, 3, 5, 5).flip(0)
    gate = merge.gate(shortcut).sigmoid()
    wanted = gate * branch.clamp(min=0) + (1 - gate) * shortcut
    torch.testing.assert_close(merge(shortcut, branch.clone()), wanted)
    with torch.no_grad():
        merge.gate.weight.zero_()
        assert float(merge.gate(shortcut).sigmoid().max()) < 0.05
