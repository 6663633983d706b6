"""The graph of all folds says what their mean says, on canvases of any size."""

from pathlib import Path

import numpy as np
import pytest
import torch

from medical.delivery.ensemble import fold_weights, load_ensemble
from medical.delivery.ensemble_graph import make_ensemble
from medical.scans.runner import MODEL, onnx_network


@pytest.mark.parametrize("size", [(1, 64, 64), (5, 64, 128), (2, 192, 96)])
def test_its_file_says_what_torch_says(size: tuple[int, int, int], fit: Path, bundle: Path) -> None:
    batch, height, width = size
    canvas = np.random.default_rng(0).random((batch, 3, height, width), dtype=np.float32) * 255

    found = onnx_network(bundle / MODEL, threads=1)(canvas)

    expected = load_ensemble(fit, device="cpu").network(canvas)
    assert found.shape == (batch, 3, height, width)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)


def test_it_is_the_mean_of_its_models(fit: Path) -> None:
    weights = fold_weights(fit)
    canvas, sizes = torch.rand(2, 3, 64, 64) * 255, torch.tensor([[64, 64], [64, 64]])

    with torch.no_grad():
        alone = [make_ensemble([path], {}, multiple=32).graph(canvas, sizes)[0] for path in weights]
        (together,) = make_ensemble(weights, {}, multiple=32).graph(canvas, sizes)

    torch.testing.assert_close(together, sum(alone) / 2)


def test_it_knows_its_inputs(fit: Path) -> None:
    inputs = make_ensemble(fold_weights(fit), {"more": 1}, multiple=32).describe()

    assert inputs["images"] == {"dtype": "float32", "channels": 3}
    assert inputs["canvas"]["multiple"] == 32
    assert inputs["more"] == 1
