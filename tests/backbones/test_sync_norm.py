"""Batch norm over ranks equals batch norm over their joint batch."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from backbones.sync_norm import SyncNorm
from tests.processes import on_ranks

CHANNELS = 3


def pixels(rank: int) -> Tensor:
    """(1, C, H, W) float64 far from zero, of another size on each rank."""
    generator = torch.Generator().manual_seed(rank)
    height = (5, 2)[rank]
    return 50 + rank + torch.randn(1, CHANNELS, height, 4, generator=generator, dtype=torch.float64)


def new_norm(kind: type[nn.BatchNorm2d]) -> nn.BatchNorm2d:
    norm = kind(CHANNELS, eps=1e-3).double()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, 1.0, 2.0]))
        norm.bias.copy_(torch.tensor([1.0, 0.0, -1.0]))
    return norm


def loss_of(y: Tensor) -> Tensor:
    """A scalar that depends on every pixel of (B, C, H, W) in its own way."""
    return (y**3 * torch.arange(1.0, 1 + y.shape[-1], dtype=y.dtype)).sum()


def train_step(norm: nn.Module, x: Tensor) -> dict[str, Tensor]:
    y = norm(x.requires_grad_())
    loss_of(y).backward()
    assert x.grad is not None
    gradients = {name: weight.grad for name, weight in norm.named_parameters()}
    return {"y": y.detach(), "x": x.grad} | gradients | dict(norm.named_buffers())


def _on_rank(rank: int, folder: Path) -> None:
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    results = [train_step(new_norm(SyncNorm), pixels(rank))]
    norm = new_norm(SyncNorm)
    whole = torch.compile(norm, fullgraph=True, backend="aot_eager")
    compiled = train_step(whole, pixels(rank))
    results.append({name.removeprefix("_orig_mod."): value for name, value in compiled.items()})
    results.append({"y": norm.eval()(pixels(rank)).detach()})
    torch.save(results, folder / f"{rank}.pt")
    dist.destroy_process_group()


def joint(kind: type[nn.BatchNorm2d] = nn.BatchNorm2d) -> tuple[dict[str, Tensor], nn.Module]:
    """One step on the pixels of both ranks, side by side in one column."""
    norm = new_norm(kind)
    columns = [pixels(rank).transpose(0, 1).flatten(1) for rank in (0, 1)]
    x = torch.cat(columns, 1)[None, :, :, None].requires_grad_()
    y = norm(x)
    first = y[:, :, : columns[0].shape[1]].view_as(pixels(0))
    second = y[:, :, columns[0].shape[1] :].view_as(pixels(1))
    (loss_of(first) + loss_of(second)).backward()
    assert x.grad is not None
    gradients = {name: weight.grad for name, weight in norm.named_parameters()}
    return {"y": y.detach(), "x": x.grad} | gradients | dict(norm.named_buffers()), norm


def test_ranks_normalise_by_their_joint_batch(tmp_path: Path) -> None:
    on_ranks(_on_rank, tmp_path)
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    expected, norm = joint()

    for eager_or_compiled in (0, 1):
        results = [rank[eager_or_compiled] for rank in ranks]
        for name in ("y", "x"):
            parts = [result[name].transpose(0, 1).flatten(1) for result in results]
            torch.testing.assert_close(torch.cat(parts, 1), expected[name][0, :, :, 0])
        for name in ("weight", "bias"):
            torch.testing.assert_close(sum(result[name] for result in results), expected[name])
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            for result in results:
                torch.testing.assert_close(result[name], expected[name])
    norm.eval()
    for rank in (0, 1):
        torch.testing.assert_close(ranks[rank][2]["y"], norm(pixels(rank)).detach())


@pytest.mark.parametrize("training", [True, False])
def test_alone_it_is_batch_norm(training: bool) -> None:
    for value, expected in zip(joint(SyncNorm)[0].values(), joint()[0].values(), strict=True):
        assert torch.equal(value, expected)
    norms = [new_norm(kind).train(training) for kind in (SyncNorm, nn.BatchNorm2d)]
    assert torch.equal(norms[0](pixels(0)), norms[1](pixels(0)))
    assert norms[0].state_dict().keys() == norms[1].state_dict().keys()
