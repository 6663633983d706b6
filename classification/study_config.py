"""Settings of a study: runs that differ in a few settings, what is measured, and what the paper found."""

from typing import Literal, Self

from pydantic import Field, model_validator

from classification.config import ClassificationConfig
from lumbar.schema import Section


class StudyRunConfig(Section):
    """One of the networks that are compared."""

    changes: tuple[str, ...] = ()
    """Settings that differ from `base`, each `key.sub=value`."""
    paper: str = ""
    """What the paper reports for it, in words, for the table."""


class StudyConfig(Section):
    """Networks that are trained alike and compared, each with several seeds."""

    question: str = ""
    """What the study asks, for the head of its figure and table."""
    measure: Literal["error", "gradients", "responses"] = "error"
    """error: training error over the steps, and the error on the validation or test split. gradients: for each layer
    the size of its signals and of their gradients, before and after training. responses: the standard deviation of what
    each layer adds, after its norm and before the activation (He et al. 2015, figure 7)."""
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    """Each network is trained with all of them; figures show the median, and the range between the extremes."""
    probe_images: int = Field(default=64, ge=2)
    """gradients and responses: training images that are looked at, the first ones without random changes."""
    runs: dict[str, StudyRunConfig] = Field(default={})
    """The networks by the names they have in figure and table."""
    base: ClassificationConfig = ClassificationConfig()
    """What all have in common."""

    @model_validator(mode="after")
    def _there_are_runs(self) -> Self:
        bad = [name for name in self.runs if not name.replace("-", "").replace("_", "").isalnum()]
        if bad:
            raise ValueError(
                f"runs: {', '.join(bad)} would be the name of a folder; use letters, digits, - and _"
            )
        if len({*self.seeds}) != len(self.seeds):
            raise ValueError(f"seeds {[*self.seeds]} must differ from each other")
        return self
