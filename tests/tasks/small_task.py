"""A task without a model: what its commands are told, they write down."""

from typing import Any

from pydantic import Field

from lumbar.schema import Section


class Data(Section):
    """Its data."""

    root: str = "datasets/small"
    """Where they lie."""


class Body(Section):
    """Its residual network."""

    weights: str = "none"
    """What it starts from."""


class Model(Section):
    """Its model."""

    backbone: Body = Body()
    weights: str = "none"
    """What it starts from."""


class Small(Section):
    """All its settings."""

    seed: int = Field(default=0, ge=0)
    """Everything random follows from it."""
    model: Model = Model()
    data: Data = Data()


class Calls(list[tuple[Small, dict[str, Any]]]):
    """Trains nothing."""

    def train(self, config: Small, **options: Any) -> None:
        self.append((config, options))
