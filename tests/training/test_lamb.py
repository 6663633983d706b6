"""Steps equal the algorithm of the paper, and the length of an update is that of the weights."""

import pytest
import torch
from torch import nn

from lumbar.training.config import OptimConfig
from lumbar.training.lamb import Lamb, trust
from lumbar.training.optim import build_optimizer

BETAS = (0.8, 0.9)


def gradients(steps: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(4, 3, generator=generator, dtype=torch.float64) for _ in range(steps)]


def test_steps_equal_the_paper() -> None:
    parameter = nn.Parameter(torch.linspace(-1, 1, 12, dtype=torch.float64).view(4, 3))
    optimizer = Lamb([parameter], 0.1, BETAS, weight_decay=0.01)
    weights = parameter.detach().clone()
    mean = square = torch.zeros_like(weights)
    for number, gradient in enumerate(gradients(4), start=1):
        parameter.grad = gradient
        optimizer.step()
        mean = 0.8 * mean + 0.2 * gradient
        square = 0.9 * square + 0.1 * gradient**2
        ratio = (mean / (1 - 0.8**number)) / ((square / (1 - 0.9**number)).sqrt() + 1e-6)
        update = ratio + 0.01 * weights
        weights = weights - 0.1 * weights.norm() / update.norm() * update

        torch.testing.assert_close(parameter.detach(), weights)


def test_without_decay_it_is_adam() -> None:
    ours, plain = (nn.Parameter(torch.ones(4, 3, dtype=torch.float64)) for _ in range(2))
    optimizers = (Lamb([ours], 0.1, BETAS), torch.optim.Adam([plain], 0.1, BETAS, eps=1e-6))
    for gradient in gradients(3):
        for parameter, optimizer in zip((ours, plain), optimizers, strict=True):
            parameter.grad = gradient.clone()
            optimizer.step()

    torch.testing.assert_close(ours, plain)


def test_zero_weights_take_a_step_of_their_own() -> None:
    zero, ones = torch.zeros(3), torch.ones(3)

    assert trust(zero, ones) == trust(ones, zero) == trust(zero, zero) == 1
    assert trust(2 * ones, ones) == 2


def test_a_run_goes_on_from_its_state() -> None:
    ends = []
    for stop in (None, 2):
        parameter = nn.Parameter(torch.ones(4, 3, dtype=torch.float64))
        optimizer = Lamb([parameter], 0.1, BETAS, weight_decay=0.1)
        for number, gradient in enumerate(gradients(4)):
            if number == stop:
                state = optimizer.state_dict()
                optimizer = Lamb([parameter], 0.1, BETAS, weight_decay=0.1)
                optimizer.load_state_dict(state)
            parameter.grad = gradient
            optimizer.step()
        ends.append(parameter.detach())

    assert torch.equal(*ends)


def test_the_config_names_it() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    config = OptimConfig(name="lamb", momentum=0.8, beta2=0.95, weight_decay=0.02)

    optimizer = build_optimizer(net, config, 0.005)

    assert isinstance(optimizer, Lamb)
    assert [group["betas"] for group in optimizer.param_groups] == [(0.8, 0.95)] * 2
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.02, 0.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_parameter_without_gradient_stays(dtype: torch.dtype) -> None:
    parameter = nn.Parameter(torch.ones(2, dtype=dtype))

    assert Lamb([parameter], 0.1).step(lambda: 3.0) == 3.0

    assert torch.equal(parameter.detach(), torch.ones(2, dtype=dtype))
