"""Settings of a study that cannot work are refused; those of its runs are whole."""

import pytest
from pydantic import ValidationError

from lumbar.tasks.study_config import StudyRunConfig
from lumbar.training.load import ConfigError, config_from_dict, config_to_dict, project_root
from tests.tasks.toy_study import TOY_STUDY, ToyStudyConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": (0, 1, 0)}, r"seeds \[0, 1, 0\] must differ"),
        ({"runs": {"a/b": {}}}, "runs: a/b would be the name of a folder"),
        ({"seeds": ()}, "at least 1 item"),
        ({"task": "other"}, "Input should be 'toy'"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ToyStudyConfig.model_validate(settings)


def test_a_study_survives_a_file() -> None:
    assert config_from_dict(ToyStudyConfig, config_to_dict(TOY_STUDY)) == TOY_STUDY


def test_settings_of_a_run_have_its_changes_its_seed_and_absolute_paths() -> None:
    config = TOY_STUDY.settings(TOY_STUDY.runs["fast"], seed=7)

    assert config.seed == 7
    assert config.model.weights == str(project_root() / "a.safetensors")
    assert config.data.root == str(project_root() / "datasets/small")
    assert config.optim == TOY_STUDY.base.optim
    assert TOY_STUDY.settings(TOY_STUDY.runs["slow"], seed=7).optim.lr == 0.001


def test_a_change_of_no_setting_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"optim\.lrr"):
        TOY_STUDY.settings(StudyRunConfig(changes=("optim.lrr=1",)), seed=0)
