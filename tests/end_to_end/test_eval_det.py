"""Evaluation from the command line: of results that COCO's authors made, and of a run's own weights."""

import json
from pathlib import Path

import pytest

from lumbar.training.run_folder import RunFolder
from tests.end_to_end.shell import run_tool, succeed


@pytest.mark.parametrize(("kind", "ap"), [("bbox", 0.505), ("segm", 0.320)])
def test_results_files_score_as_published(
    kind: str, ap: float, tmp_path: Path, shared_data: Path
) -> None:
    folder = shared_data / "cocoapi"
    files = (
        *("--predictions", folder / f"instances_val2014_fake{kind}100_results.json"),
        *("--annotations", folder / "instances_val2014_100.json"),
    )

    shown = succeed("eval_det", *files, "--output", "scores", folder=tmp_path)

    results = json.loads((tmp_path / "scores" / "results.json").read_text())
    assert results[kind]["AP"] == pytest.approx(ap, abs=5e-4)
    assert results["num_images"] == 100
    assert f"AP    {ap:.3f}" in shown


def test_weights_score_as_in_their_run(trained: tuple[RunFolder, str], tmp_path: Path) -> None:
    run, _ = trained

    command = ("--weights", run.weights, "--output", tmp_path)
    succeed("eval_det", *command, folder=tmp_path, run=run_tool)

    assert (tmp_path / "results.json").read_text() == run.results.read_text()
