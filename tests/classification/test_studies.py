"""A study leaves a figure and a table, trains nothing twice, and looks at the same networks before and after."""

import json
from pathlib import Path

import pytest
import torch

from classification.studies import _trained, _untrained, run_study
from classification.study_errors import final_error
from lumbar.tasks.study_runs import runs_of
from tests.classification.small_study import small_study


@pytest.fixture(scope="module")
def output(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs of the small study, and its errors."""
    folder = tmp_path_factory.mktemp("study")
    run_study(small_study(examples), folder)
    return folder


def test_errors_are_in_figure_and_table(output: Path, examples: Path) -> None:
    rows = json.loads((output / "error.json").read_text())
    table = (output / "error.md").read_text()

    assert [row["network"] for row in rows] == ["plain", "residual"]
    errors = [final_error(run) for run in runs_of(small_study(examples), output)]
    low, high = sorted((errors[1], errors[3]))
    assert rows[1]["test error, %"] == pytest.approx([(low + high) / 2, low, high])
    assert table.startswith("Which one is better?\n\n| network | training error, % |")
    assert "| better |" in table
    assert "FillBetween" in (output / "error.svg").read_text()


@pytest.mark.parametrize(
    ("measure", "kinds"), [("gradients", ("gradients", "responses")), ("responses", ("responses",))]
)
def test_layers_are_measured_before_and_after_without_training_again(
    measure: str, kinds: tuple[str, ...], output: Path, examples: Path
) -> None:
    written = [
        run.folder.weights.stat().st_mtime_ns for run in runs_of(small_study(examples), output)
    ]

    findings = run_study(small_study(examples, measure), output)

    assert written == [
        run.folder.weights.stat().st_mtime_ns for run in runs_of(small_study(examples), output)
    ]
    assert findings.figures == {kind: output / f"{measure}_{kind}.svg" for kind in kinds}
    assert [(row["network"], row["when"]) for row in findings.rows] == [
        *(("plain", "before"), ("plain", "after")),
        *(("residual", "before"), ("residual", "after")),
    ]
    assert all(row["response, smallest"][1] > 0 for row in findings.rows)
    assert ("gradient, first / last layer" in findings.rows[0]) == (measure == "gradients")
    assert (output / "error.md").is_file()


def test_before_is_where_the_run_begins(examples: Path, tmp_path: Path) -> None:
    study = small_study(examples, lr=1e-20)
    one = {"runs": {"residual": study.runs["residual"]}, "seeds": (3,)}
    [run] = runs_of(study.model_copy(update=one), tmp_path)
    run_study(study.model_copy(update=one), tmp_path)

    before, after = _untrained(run), _trained(run)

    for name, parameter in before.named_parameters():
        torch.testing.assert_close(parameter, after.get_parameter(name), rtol=0, atol=1e-12)
