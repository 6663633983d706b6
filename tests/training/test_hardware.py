"""What a run computes on is what was asked for, launched, or there."""

from typing import Any

import pytest
import torch

from lumbar.training.config import TrainerConfig
from lumbar.training.hardware import (
    Hardware,
    explain_precision,
    resolve_hardware,
    resolve_precision,
    total_batch,
)


def config(**changes: Any) -> TrainerConfig:
    return TrainerConfig(**{"accelerator": "cpu"} | changes)


def test_a_cpu_is_one_device_unless_told_otherwise() -> None:
    assert resolve_hardware(config()) == Hardware("cpu", 1, 1, launched=False)
    assert resolve_hardware(config(devices=3, nodes=2)) == Hardware("cpu", 3, 2, launched=False)


def test_torchrun_decides_how_many_processes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TORCHELASTIC_RUN_ID": "none",
        "WORLD_SIZE": "6",
        "LOCAL_WORLD_SIZE": "3",
    }.items():
        monkeypatch.setenv(name, value)

    assert resolve_hardware(config(devices=1)) == Hardware("cpu", 3, 2, launched=True)


def test_slurm_decides_how_many_processes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SLURM_NTASKS": "8",
        "SLURM_NNODES": "2",
        "SLURM_JOB_NAME": "train",
    }.items():
        monkeypatch.setenv(name, value)

    assert resolve_hardware(config()) == Hardware("cpu", 4, 2, launched=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_auto_is_the_cpu_and_gpu_is_an_error() -> None:
    assert resolve_hardware(config(accelerator="auto")).kind == "cpu"
    with pytest.raises(ValueError, match=r"trainer.accelerator=gpu: torch finds no GPU.*=cpu"):
        resolve_hardware(config(accelerator="gpu"))


def test_no_device_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"trainer\.devices=0: it must be at least 1"):
        resolve_hardware(config(devices=0))


@pytest.mark.gpu
def test_more_gpus_than_there_are_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"trainer\.devices=99: .* GPUs are here"):
        resolve_hardware(config(accelerator="gpu", devices=99))


@pytest.mark.gpu
def test_a_gpu_says_its_name_and_memory() -> None:
    hardware = resolve_hardware(config(accelerator="gpu", devices=1))

    assert str(hardware) == torch.cuda.get_device_name(0)
    assert hardware.memory.endswith(" GiB")


def test_precision() -> None:
    assert resolve_precision(config(precision="bf16")) == "bf16"
    assert resolve_precision(config(precision="fp32")) == "fp32"
    with pytest.raises(ValueError, match=r"trainer\.precision=fp16 needs a GPU"):
        resolve_precision(config(precision="fp16"))


@pytest.mark.parametrize(
    ("avx512", "amx", "chosen"),
    [(True, False, "bf16"), (False, True, "bf16"), (False, False, "fp32")],
)
def test_auto_is_bf16_where_the_cpu_has_units(
    monkeypatch: pytest.MonkeyPatch, avx512: bool, amx: bool, chosen: str
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)

    assert resolve_precision(config()) == chosen
    assert explain_precision(config()).startswith(chosen)
    assert ("no bf16 units" in explain_precision(config())) == (chosen == "fp32")


def test_a_chosen_precision_needs_no_explanation() -> None:
    assert explain_precision(config(precision="fp32")) == "fp32"


def test_the_total_batch_counts_devices_nodes_and_accumulation() -> None:
    assert total_batch(config(devices=3, nodes=2, accumulate=5), 7) == 210


def test_hardware_in_words() -> None:
    threads = torch.get_num_threads()

    assert str(Hardware("cpu", 1, 1, launched=False)) == f"CPU, {threads} threads"
    assert str(Hardware("cpu", 2, 3, launched=False)) == f"CPU, {threads} threads x 2 on 3 nodes"
    assert int(Hardware("cpu", 1, 1, launched=False).memory.removesuffix(" GiB")) > 0
