"""Held stages do not move, in weights or statistics, until their epoch."""

import pytest
import torch
from torch import Tensor

from classification.thaw import Thaw
from tests.classification.made_up import Pointwise, make_images


def step(body: Pointwise, thaw: Thaw, epoch: int) -> dict[str, Tensor]:
    """What one step of training changes, by name."""
    before = {name: value.clone() for name, value in body.state_dict().items()}
    optimizer = torch.optim.SGD(body.parameters(), 0.1, momentum=0.9)
    thaw.begin_epoch(epoch)
    out = body(make_images(4).canvas.float())["c1"]
    # A plain sum would not move the weight before a norm.
    (out * torch.arange(out.numel()).view(out.shape).sin()).sum().backward()
    thaw.drop_gradients()
    optimizer.step()
    return {
        name: value for name, value in body.state_dict().items() if not value.equal(before[name])
    }


def test_stages_are_held_until_their_epoch() -> None:
    body = Pointwise().train()
    thaw = Thaw(body, ["layer1"], epoch=2)

    for epoch in (0, 1):
        assert {name.split(".")[0] for name in step(body, thaw, epoch)} == {"stem"}
        assert not body.layer1.training
    changed = step(body, thaw, 2)

    assert {"layer1.0.weight", "layer1.1.running_mean", "stem.weight"} <= changed.keys()
    assert body.layer1.training


def test_all_gradients_are_computed_from_the_beginning() -> None:
    """Processes agree once on what they exchange."""
    body = Pointwise()
    Thaw(body, ["stem", "layer1"], epoch=1).begin_epoch(0)

    assert all(part.requires_grad for part in body.parameters())


def test_the_place_follows_from_the_epoch_alone() -> None:
    body = Pointwise().train()

    changed = step(body, Thaw(body, ["stem"], epoch=1), 5)

    assert "stem.weight" in changed


def test_a_name_that_is_no_stage_is_refused() -> None:
    with pytest.raises(ValueError, match="no such stage: layer7; the stages are stem, layer1"):
        Thaw(Pointwise(), ["layer7"], epoch=1)
