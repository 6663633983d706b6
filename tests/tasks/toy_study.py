"""A study of the toy task, which takes a second: two rates, two seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lumbar.tasks.course import Course
from lumbar.tasks.study import Findings, Study, spread
from lumbar.tasks.study_config import StudyConfig, StudyRunConfig
from lumbar.tasks.study_runs import StudyRun
from tests.tasks.small_task import Data, Model
from tests.tasks.toy_task import ToyConfig, prepare_toy


class StudiedConfig(ToyConfig):
    """The toy task, with paths."""

    data: Data = Data()
    model: Model = Model()


class ToyStudyConfig(StudyConfig[StudiedConfig]):
    """Settings of the study."""

    task: Literal["toy"] = "toy"
    measure: Literal["share"] = "share"
    base: StudiedConfig = StudiedConfig()


TOY_STUDY = ToyStudyConfig(
    question="Which rate is better?",
    seeds=(0, 1),
    runs={
        "slow": StudyRunConfig(changes=("optim.lr=0.001",), paper="worse"),
        "fast": StudyRunConfig(changes=("model.weights=a.safetensors",), paper="better"),
    },
)

train_toy = Course(prepare_toy)


def _shares(
    study: ToyStudyConfig, groups: Mapping[str, Sequence[StudyRun[Any]]], output: Path
) -> Findings:
    rows = [
        {
            "network": name,
            "share": spread([run.results()["right"] / run.results()["total"] for run in group]),
            "paper": study.runs[name].paper,
        }
        for name, group in groups.items()
    ]
    return Findings(rows, {})


study_toys = Study[ToyStudyConfig](train_toy, {"share": _shares})
