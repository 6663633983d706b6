"""Stages by their names: what belongs to them, what is frozen, what is computed again."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from backbones.body import Body


class TwoStages(Body):
    """A layer in each stage; the second one has a norm outside of it."""

    def __init__(self, checkpointed: tuple[str, ...] = ()) -> None:
        super().__init__(("first", "second"), checkpointed=checkpointed)
        self.first, self.second, self.closing = nn.Linear(2, 2), nn.Linear(2, 2), nn.BatchNorm1d(2)
        self.features = {}

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"c2": self.closing(self.run("second", self.run("first", x)))}

    def modules_of(self, stage: str) -> Iterator[nn.Module]:
        yield from super().modules_of(stage)
        if stage == "second":
            yield self.closing


def test_a_stage_is_frozen_with_all_of_its_modules() -> None:
    body = TwoStages()
    body.freeze(["second"])
    trained = {name for name, p in body.named_parameters() if p.requires_grad}
    assert trained == {"first.weight", "first.bias"}
    assert body.train().first.training
    assert not body.closing.training


def test_frozen_stages_add_up() -> None:
    body = TwoStages()
    body.freeze(["first"])
    body.freeze(["second"])
    assert body.frozen == {"first", "second"}


def test_an_unknown_stage_is_named_and_freezes_nothing() -> None:
    body = TwoStages()
    with pytest.raises(ValueError, match="no such stage: third; the stages are first, second"):
        body.freeze(["first", "third"])
    assert all(p.requires_grad for p in body.parameters())


def test_a_stage_computed_again_has_the_same_gradients() -> None:
    grads = []
    for checkpointed in ((), ("first", "second")):
        torch.manual_seed(0)
        body = TwoStages(checkpointed)
        body(torch.arange(6.0).view(3, 2))["c2"].square().sum().backward()
        grads.append([p.grad for p in body.parameters()])
    assert all(map(torch.equal, *grads))
