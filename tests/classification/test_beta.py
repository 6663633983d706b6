"""The quantiles are those of the distributions that have a formula, and the moments those of all."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from classification.beta import SymmetricBeta

EVEN = torch.linspace(0, 1, 20001, dtype=torch.float64)[:-1]

INTEGRALS: dict[float, Callable[[Tensor], Tensor]] = {
    0.5: lambda x: x.sqrt().asin() * 2 / math.pi,
    1.0: lambda x: x,
    2.0: lambda x: 3 * x**2 - 2 * x**3,
    3.0: lambda x: 10 * x**3 - 15 * x**4 + 6 * x**5,
}


@pytest.mark.parametrize("alpha", INTEGRALS)
def test_quantiles_undo_the_integral(alpha: float) -> None:
    found = SymmetricBeta(alpha)(EVEN)

    torch.testing.assert_close(INTEGRALS[alpha](found), EVEN, rtol=0, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.4, 1.0, 8.0])
def test_mean_and_variance_are_right(alpha: float) -> None:
    found = SymmetricBeta(alpha)(EVEN)

    assert float(found.mean()) == pytest.approx(0.5, abs=1e-3)
    assert float(found.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), abs=1e-3)
    assert (found[1:] >= found[:-1]).all()


def test_it_has_no_state_to_save() -> None:
    assert not SymmetricBeta(0.2).state_dict()
