"""What a run computes on: devices, processes and number format."""

import os
from typing import Literal, NamedTuple

import torch
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from lumbar.training.config import TrainerConfig

_GIB = 2**30


class Hardware(NamedTuple):
    """Devices of one kind; each has a process."""

    kind: Literal["cpu", "cuda"]
    devices: int
    """On each node."""
    nodes: int
    launched: bool
    """Whether torchrun or SLURM made the processes."""

    @property
    def world_size(self) -> int:
        """Number of processes."""
        return self.devices * self.nodes

    @property
    def memory(self) -> str:
        """Memory of a device."""
        if self.kind == "cuda":
            total = torch.cuda.get_device_properties(0).total_memory
        else:
            total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return f"{total / _GIB:.0f} GiB"

    def __str__(self) -> str:
        """`NVIDIA H200 x 8 on 2 nodes`, or `CPU, 2 threads`."""
        cpu = f"CPU, {torch.get_num_threads()} threads"
        name = torch.cuda.get_device_name(0) if self.kind == "cuda" else cpu
        count = f" x {self.devices}" if self.devices > 1 else ""
        return name + count + (f" on {self.nodes} nodes" if self.nodes > 1 else "")


def resolve_hardware(config: TrainerConfig) -> Hardware:
    """The devices that a config asks for, or that torchrun or SLURM has launched processes for.

    Raises:
        ValueError: They are not there.
    """
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if config.accelerator == "gpu" and not available:
        raise ValueError(
            "trainer.accelerator=gpu: torch finds no GPU here; set trainer.accelerator=cpu"
        )
    kind: Literal["cpu", "cuda"] = "cuda" if available and config.accelerator != "cpu" else "cpu"
    launched = _launched()
    if launched is not None:
        return Hardware(kind, *launched, launched=True)
    devices = config.devices if config.devices != "auto" else max(1, available * (kind == "cuda"))
    if devices < 1 or (kind == "cuda" and devices > available):
        there = f"{available} GPUs are here" if kind == "cuda" else "it must be at least 1"
        raise ValueError(f"trainer.devices={devices}: {there}")
    return Hardware(kind, devices, config.nodes, launched=False)


def resolve_precision(config: TrainerConfig) -> Literal["fp32", "bf16", "fp16"]:
    """The number format of the convolutions; `auto` is bf16 where the device has units for it.

    Raises:
        ValueError: fp16 on a CPU.
    """
    kind = resolve_hardware(config).kind
    if config.precision == "auto":
        return "bf16" if _has_bf16_units(kind) else "fp32"
    if config.precision == "fp16" and kind == "cpu":
        raise ValueError("trainer.precision=fp16 needs a GPU; on a CPU take bf16 or fp32")
    return config.precision


def explain_precision(config: TrainerConfig) -> str:
    """The number format, and for the start table what its choice costs."""
    precision = resolve_precision(config)
    if precision == "fp32" and config.precision == "auto":
        return "fp32: this processor has no bf16 units, with which a step takes a half to a third of the time"
    return precision


def total_batch(config: TrainerConfig, batch_size_per_device: int) -> int:
    """Images in one optimiser step, over all devices and accumulated batches."""
    return batch_size_per_device * resolve_hardware(config).world_size * config.accumulate


def _launched() -> tuple[int, int] | None:
    """Processes on each node and nodes, if something else than we starts the processes."""
    env = os.environ
    if TorchElasticEnvironment.detect():
        local = int(env["LOCAL_WORLD_SIZE"])
        return local, int(env["WORLD_SIZE"]) // local
    if SLURMEnvironment.detect():
        nodes = int(env.get("SLURM_NNODES", "1"))
        return int(env["SLURM_NTASKS"]) // nodes, nodes
    return None


def _has_bf16_units(kind: Literal["cpu", "cuda"]) -> bool:
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch's public question on x86 is answered with yes also where bf16 is only emulated.
    avx512, amx = torch.cpu._is_avx512_bf16_supported(), torch.cpu._is_amx_tile_supported()  # noqa: SLF001
    return bool(avx512 or amx)
