"""What residual networks are worth to a detector, He et al. 2015 (arXiv:1512.03385), tables 7 and 8, and its like."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from detection.config import DetectionConfig
from detection.study_config import DetectorStudyConfig
from detection.train import train
from lumbar.tasks.curves import draw_curves, seeds_curve
from lumbar.tasks.study import Findings, Study, spread
from lumbar.tasks.study_runs import StudyRun

Run = StudyRun[DetectionConfig]


def _precision(
    study: DetectorStudyConfig, groups: Mapping[str, Sequence[Run]], output: Path
) -> Findings:
    curves = [
        seeds_curve(name, [_validated(run) for run in group], colour=colour)
        for colour, (name, group) in enumerate(groups.items())
    ]
    figure = output / f"{study.measure}.svg"
    draw_curves(figure, curves, title=study.question, axes=("step", "AP, %, validation"))
    rows = [
        {
            "network": name,
            "AP, %": spread([_scored(run, "AP") for run in group]),
            "AP50, %": spread([_scored(run, "AP50") for run in group]),
            "paper": study.runs[name].paper,
        }
        for name, group in groups.items()
    ]
    return Findings(rows, {"AP": figure})


def _validated(run: Run) -> list[tuple[float, float]]:
    """Step and AP of each evaluation on the way."""
    steps, values = run.logged("val/AP")
    return [(float(step), 100 * float(value)) for step, value in zip(steps, values, strict=True)]


def _scored(run: Run, name: str) -> float:
    return float(100 * run.results()["bbox"][name])


run_study = Study[DetectorStudyConfig](train, {"ap": _precision})
