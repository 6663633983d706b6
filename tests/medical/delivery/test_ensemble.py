"""The folds of a fit answer together, without the data that they were trained on."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from medical.delivery.ensemble import chosen_device, fold_weights, load_ensemble
from medical.learning.network import torch_network
from tests.medical.delivery.fits import (
    DECISION,
    HIPPOCAMPUS,
    made_up_scans,
    scan_settings,
    write_fit,
)


def test_it_is_the_mean_of_the_folds_with_the_settings_of_the_fit(fit: Path) -> None:
    ensemble = load_ensemble(fit, device="cpu", batch=3)

    canvas = np.random.default_rng(0).random((2, 3, 64, 96), dtype=np.float32) * 255
    alone = [torch_network([path])(canvas) for path in fold_weights(fit)]
    assert len(alone) == 2
    assert np.abs(alone[0] - alone[1]).max() > 0.1
    np.testing.assert_allclose(ensemble.network(canvas), np.mean(alone, 0), atol=1e-6)
    assert (ensemble.preprocess, ensemble.decision) == (scan_settings(), DECISION)
    assert ensemble.classes.names == tuple(HIPPOCAMPUS)
    assert ensemble.batch == 3


def test_the_data_may_be_elsewhere(tmp_path: Path) -> None:
    data = made_up_scans(tmp_path / "data", count=2)
    run = write_fit(tmp_path / "run", data, HIPPOCAMPUS, scan_settings())
    shutil.rmtree(data)

    load_ensemble(run, device="cpu")


def test_what_is_no_finished_fit_is_refused(fit: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no run of fit \(it has no splits\.json\)"):
        load_ensemble(tmp_path)
    (tmp_path / "splits.json").write_text(json.dumps({"folds": [["P1-1"]]}))
    with pytest.raises(ValueError, match=r"not finished: go on with fit --resume auto"):
        load_ensemble(tmp_path)


@pytest.mark.parametrize("device", ["cuda:77", "abacus"])
def test_devices_that_are_not_there_are_named(device: str) -> None:
    with pytest.raises(ValueError, match=f"--device {device}: cannot be used"):
        chosen_device(device)


def test_a_gpu_is_taken_where_there_is_one() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"

    assert chosen_device("auto").type == expected
    assert chosen_device("cpu").type == "cpu"
