"""A fit that is killed in the midst of a fold, and of its predictions, ends as if nobody had touched it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lumbar.training.load import dump_config, project_root
from medical.learning.run import MedicalRun, StudyFolder
from segmentation.weights import load_segmenter
from tests.medical.learning.fits import disc_config

SCRIPT = Path(__file__).with_name("killed_fit.py")


def start(folder: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "PYTHONPATH": str(project_root()),
        "LUMBAR_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen([sys.executable, str(SCRIPT), str(folder)], env=environment)


def kill_when(folder: Path, is_time: Callable[[], bool]) -> None:
    """Starts or goes on, and kills without a warning."""
    process = start(folder)
    while not is_time():
        assert process.poll() is None, "it was over before it could be killed"
        time.sleep(0.01)
    process.kill()
    process.wait()


@pytest.mark.slow
def test_it_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    config = disc_config(tmp_path, epochs=50)
    trainer = config.trainer.model_copy(update={"save_every_steps": 3})
    config = config.model_copy(update={"trainer": trainer})
    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "study.yaml").write_text(dump_config(config))
    killed = StudyFolder(tmp_path / "killed" / "run")
    last = killed.fold(1).last

    kill_when(tmp_path / "killed", last.is_file)  # in the midst of the second fold
    assert killed.fold(0).weights.is_file()
    finished = killed.fold(0).weights.stat().st_mtime_ns
    planned = (killed.fold(1).path / "plan.json").read_bytes()
    own = {*killed.out_of_fold.aliases()}
    assert len(own) == 6
    kill_when(tmp_path / "killed", lambda: len(killed.out_of_fold.aliases()) > 7)
    for folder in ("killed", "whole"):
        assert start(tmp_path / folder).wait() == 0

    one, two = (MedicalRun.open(tmp_path / name / "run") for name in ("killed", "whole"))
    assert killed.fold(0).weights.stat().st_mtime_ns == finished
    assert (killed.fold(1).path / "plan.json").read_bytes() == planned
    assert one.splits == two.splits
    assert one.decision == two.decision
    for paths in zip(one.fold_weights, two.fold_weights, strict=True):
        left, right = (load_segmenter(str(path)).state for path in paths)
        assert left.keys() == right.keys()
        assert all(torch.equal(left[key], right[key]) for key in left)
    for alias in one.out_of_fold.aliases():
        np.testing.assert_array_equal(one.out_of_fold.load(alias), two.out_of_fold.load(alias))
    shutil.rmtree(tmp_path / "killed")
