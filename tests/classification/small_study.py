"""A study that takes seconds: two networks, two seeds, four steps."""

from pathlib import Path

from classification.config import ClassificationConfig
from classification.study_config import ClassifierStudyConfig
from lumbar.tasks.study_config import StudyRunConfig
from lumbar.training.load import config_from_dict
from tests.classification.runs import small


def small_study(
    examples: Path, measure: str = "error", *, lr: float = 0.05
) -> ClassifierStudyConfig:
    """Plain and residual networks of 20 layers on a few crops of blood cells."""
    settings = small(examples)
    settings["model"]["backbone"] = {
        "name": "cifar_resnet20",
        "weights": "none",
        "norm": "batch",
        "freeze": [],
        "width": 4,
    }
    settings["data"]["frame"] |= {"size": 16, "test_resize": 16, "test_size": 16}
    settings["optim"] = {"name": "sgd", "lr": lr, "base_batch_size": None, "weight_decay": 0.0}
    settings["trainer"]["max_steps"] = 4
    changes = ("model.backbone.name=cifar_plain20",)
    return ClassifierStudyConfig.model_validate(
        {
            "question": "Which one is better?",
            "measure": measure,
            "seeds": (0, 1),
            "probe_images": 6,
            "runs": {
                "plain": StudyRunConfig(changes=changes, paper="worse"),
                "residual": StudyRunConfig(paper="better"),
            },
            "base": config_from_dict(ClassificationConfig, settings),
        }
    )
