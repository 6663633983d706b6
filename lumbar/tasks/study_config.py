"""Settings of a study: runs that differ in a few settings, what is measured, and what the paper found."""

from typing import Generic, Self

from pydantic import Field, model_validator

from lumbar.schema import Section
from lumbar.tasks.settings import C, from_root
from lumbar.training.load import override_config, project_root


class StudyRunConfig(Section):
    """One of the networks that are compared."""

    changes: tuple[str, ...] = ()
    """Settings that differ from `base`, each `key.sub=value`; paths start where those of `base` do."""
    paper: str = ""
    """What the paper reports for it, in words, for the table."""


class StudyConfig(Section, Generic[C]):
    """Networks that are trained alike and compared, each with several seeds; every task adds what it measures."""

    task: str
    """What is trained, which says how `base` is read."""
    question: str = ""
    """What the study asks, for the head of its figure and table."""
    measure: str
    """What is compared; its figure and table have this name."""
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    """Each network is trained with all of them; figures show the median, and the range between the extremes."""
    runs: dict[str, StudyRunConfig] = Field(default={})
    """The networks by the names they have in figure and table."""
    base: C
    """What all have in common."""

    @model_validator(mode="after")
    def _names_and_seeds_differ(self) -> Self:
        bad = [name for name in self.runs if not name.replace("-", "").replace("_", "").isalnum()]
        if bad:
            raise ValueError(
                f"runs: {', '.join(bad)} would be the name of a folder; use letters, digits, - and _"
            )
        if len({*self.seeds}) != len(self.seeds):
            raise ValueError(f"seeds {[*self.seeds]} must differ from each other")
        return self

    def settings(self, run: StudyRunConfig, *, seed: int) -> C:
        """The settings of one network with one seed, with absolute paths.

        Args:
            run: One of the runs.
            seed: One of the seeds.

        Raises:
            ConfigError: A change names no setting, or gives it a wrong value.
        """
        config = override_config(self.base, [*run.changes, f"seed={seed}"])
        return from_root(config, project_root())
