"""Compiling the parts of a model, where the machine can and the run is long enough."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, Protocol

import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from lumbar.training.config import TrainerConfig
from lumbar.training.hardware import Hardware, resolve_hardware

_warn = rank_zero_only(logging.getLogger(__name__).warning)
_STEPS_PER_CANVAS = 1000
"""From so many on, what a step gains pays for some forty seconds of compiling."""
_GRAPHS_PER_CANVAS = 2
"""Stages that are held at first and trained later make another one."""

Mode = Literal["none", "default", "cudagraphs"]
_MODES = {"default": None, "cudagraphs": "reduce-overhead"}
"""What torch calls them."""


class Compilable(Protocol):
    """A model that names the methods that are worth compiling."""

    @property
    def fixed_parts(self) -> tuple[str, ...]:
        """Those whose shapes follow from the canvas: a graph for each. In the order in which a step calls them."""

    @property
    def free_parts(self) -> tuple[str, ...]:
        """Those with one graph for any canvas and any number of targets."""


def choose_mode(config: TrainerConfig, *, num_canvases: int, steps: int) -> Mode:
    """Says what `trainer.compile` comes to on this machine; what cannot be done is told, and left.

    Args:
        config: The setting and the devices.
        num_canvases: That batches lie on; 0 where there may be any.
        steps: Of the run.
    """
    hardware = resolve_hardware(config)
    pays = hardware.kind == "cuda" and 0 < num_canvases * _STEPS_PER_CANVAS <= steps
    if config.compile == "none" or (config.compile == "auto" and not pays):
        return "none"
    obstacle = find_obstacle(hardware)
    if obstacle:
        _warn("trainer.compile=%s: goes on without, as here %s", config.compile, obstacle)
        return "none"
    if config.compile != "cudagraphs":
        return "default"
    if hardware.kind == "cpu" or not num_canvases:
        _warn("trainer.compile=cudagraphs needs a GPU and few canvases: takes default")
        return "default"
    return "cudagraphs"


def find_obstacle(hardware: Hardware) -> str:
    """What keeps this machine from compiling, found by trying; empty where nothing does."""
    from torch._dynamo.exc import ShortenTraceback  # takes seconds

    try:
        torch.compile(_trial, fullgraph=True)(torch.ones(8, device=hardware.kind))
    # What a backend fails of: no C++ compiler, no headers of Python, no Triton, a device that is too old for it.
    except ShortenTraceback as error:
        lines = str(error).splitlines()
        # What a compiler has found comes long after its command.
        return next((line for line in lines if "error: " in line), lines[0])
    return ""


def compile_parts(
    model: Compilable, mode: Mode, *, num_canvases: int, backend: str = "inductor"
) -> None:
    """Compiles what a model names, for the steps that learn; without gradients it runs as before.

    The first call with each canvas compiles, so that evaluation, whose batches and canvases are of any size, would take
    longer to compile than it takes to run.

    Args:
        model: Its methods are replaced; state and their results stay the same.
        mode: Not what a machine cannot, see `choose_mode`; none changes nothing.
        num_canvases: That batches lie on; 0 where there may be any: graphs then leave height and width open.
        backend: That of `torch.compile`.
    """
    if mode == "none":
        return
    torch.compiler.reset()  # the graphs of a run before would count against the limit
    settings = torch._dynamo.config  # noqa: SLF001 - has no public name
    settings.recompile_limit = max(settings.recompile_limit, _GRAPHS_PER_CANVAS * num_canvases)
    # The same graphs on any number of ranks, also where stages are checkpointed.
    settings.optimize_ddp = False
    for place, name in enumerate((*model.fixed_parts, *model.free_parts)):
        fixed = name in model.fixed_parts
        method = getattr(model, name)
        compiled = torch.compile(
            method,
            dynamic=not fixed or (None if not num_canvases else False),
            backend=backend,
            mode=_MODES[mode] if fixed else None,
        )
        begins = mode == "cudagraphs" and place == 0
        setattr(model, name, _while_learning(method, compiled, begins=begins))


def _while_learning(
    method: Callable[..., Any], compiled: Callable[..., Any], *, begins: bool
) -> Callable[..., Any]:
    @wraps(method)
    def part(*inputs: Any) -> Any:
        if not torch.is_grad_enabled():
            return method(*inputs)
        if begins:
            # What the graphs of the step before have left is used no more.
            torch.compiler.cudagraph_mark_step_begin()
        return compiled(*inputs)

    return part


def _trial(x: Tensor) -> Tensor:
    return x.sin() + 1
