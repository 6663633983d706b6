"""Numbers of the device that are read a step late, when they have long arrived."""

from collections.abc import Callable, Mapping

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor


class Late:
    """Numbers on their way from the device: asking for them does not wait, nor does reading them a step later."""

    def __init__(self, values: Mapping[str, Tensor]) -> None:
        """Asks for scalars, by name."""
        self._names = tuple(values)
        scalars = [value.detach().double() for value in values.values()]
        numbers = torch.stack(scalars) if scalars else torch.zeros(0)
        self._numbers = numbers.to("cpu", non_blocking=True)
        self._arrival = torch.cuda.Event() if numbers.is_cuda else None
        if self._arrival is not None:
            self._arrival.record()

    def read(self) -> dict[str, float]:
        """Waits for them if they have not arrived."""
        if self._arrival is not None:
            self._arrival.synchronize()
        return dict(zip(self._names, self._numbers.tolist(), strict=True))


class Reader(Callback):
    """Does at the end of the next batch what takes numbers of this one, or before anything else that looks at them."""

    _pending: Callable[[], None] | None = None

    def later(self, then: Callable[[], None]) -> None:
        """Keeps what is to be done."""
        self._pending = then

    def settle(self) -> None:
        """Does it, if there is anything left to do."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Waits no longer."""
        self.settle()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Waits no longer."""
        self.settle()
