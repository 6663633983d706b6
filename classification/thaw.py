"""Stages that are held still at first and trained later: transfer learning in one run."""

from collections.abc import Collection

from torch import nn

from backbones.body import Body


class Thaw:
    """Holds stages of a backbone still until an epoch.

    Their parameters belong to the optimiser, and to the processes' exchange of gradients, from the beginning: both are
    set up once. What holds them is that their gradients are dropped before each step, and that their norms are in
    evaluation. Which stages are held follows from the epoch alone, so that a resumed run does the same.
    """

    def __init__(self, backbone: Body, stages: Collection[str], *, epoch: int) -> None:
        """Keeps what is held, and how long.

        Args:
            backbone: Nothing of it is frozen.
            stages: Names of its stages.
            epoch: The first one, counted from 0, in which they are trained.

        Raises:
            ValueError: A name that is no stage.
        """
        unknown = sorted({*stages} - {*backbone.stages})
        if unknown:
            raise ValueError(
                f"model.backbone.freeze: no such stage: {', '.join(unknown)}; the stages are "
                f"{', '.join(backbone.stages)}"
            )
        self._backbone = backbone
        self._stages = frozenset(stages)
        self._epoch = epoch
        self._held: list[nn.Parameter] = []

    def begin_epoch(self, epoch: int) -> None:
        """Holds the stages in this epoch, or lets them go."""
        held = self._stages if epoch < self._epoch else frozenset()
        self._backbone.frozen = held
        self._backbone.train(self._backbone.training)
        modules = (module for stage in held for module in self._backbone.modules_of(stage))
        self._held = [parameter for module in modules for parameter in module.parameters()]

    def drop_gradients(self) -> None:
        """Leaves the optimiser nothing to do for the held stages; to be called before each step."""
        for parameter in self._held:
            parameter.grad = None
