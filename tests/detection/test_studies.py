"""A study of detectors leaves a figure and a table of average precision."""

import json
import shutil
from pathlib import Path

import pytest

from detection.config import DetectionConfig
from detection.studies import run_study
from detection.study_config import DetectorStudyConfig
from lumbar.tasks.study_config import StudyRunConfig
from lumbar.tasks.study_runs import runs_of
from lumbar.training.run_folder import RunFolder


def test_precision_is_in_figure_and_table(
    run_config: DetectionConfig, run_folder: RunFolder, tmp_path: Path
) -> None:
    study = DetectorStudyConfig(
        question="Do more steps help?",
        seeds=(0,),
        runs={
            "one": StudyRunConfig(changes=("trainer.max_steps=1",), paper="21.2 % AP"),
            "two": StudyRunConfig(paper="27.2 % AP"),
        },
        base=run_config,
    )
    shutil.copytree(
        run_folder.path, tmp_path / "two-seed0"
    )  # is finished, and is not trained again

    findings = run_study(study, tmp_path)

    assert findings.figures == {"AP": tmp_path / "ap.svg"}
    figure = findings.figures["AP"].read_text()
    assert all(name in figure for name in ("Do more steps help?", ">one<", ">two<", "AP, %"))
    rows = json.loads((tmp_path / "ap.json").read_text())
    for row, run in zip(rows, runs_of(study, tmp_path), strict=True):
        scores = json.loads(run.folder.results.read_text())
        assert scores["num_images"] == 4
        assert row["network"] == run.name
        for name in ("AP", "AP50"):
            assert row[f"{name}, %"] == pytest.approx([100 * scores["bbox"][name]] * 3)
        assert row["paper"] == study.runs[run.name].paper
