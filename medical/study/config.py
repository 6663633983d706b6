"""Every setting of a medical study: the root of the YAML files for `tools/medical.py`. Most are found from the data."""

import re
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from lumbar.data.class_lists import find_classes
from lumbar.data.pixel_classes import PixelClasses
from lumbar.schema import Section
from lumbar.training.config import OptimConfig, ScheduleConfig, TrainerConfig
from segmentation.loss_config import Losses
from segmentation.model_config import ModelConfig

Flip = Literal["horizontal", "vertical", "both"]

_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)")
_MINUTES = {"s": 1 / 60, "min": 1.0, "h": 60.0, "d": 1440.0}


class MedicalAugmentConfig(Section):
    """Random changes of the training patches."""

    flips: tuple[Flip, ...] | Literal["auto"] = "auto"
    """Mirrorings, each with a probability of one half; auto: all of pictures, horizontal ones of scans."""
    rotate: float = Field(default=20.0, ge=0, le=180)
    """Turned by up to so many degrees, in one patch of three."""
    scale: tuple[float, float] = (0.75, 1.35)
    """Range of factors of the size, in one patch of three."""
    albumentations: tuple[dict[str, Any], ...] | Literal["auto"] = "auto"
    """A list of albumentations transforms of the intensities, each `{name: RandomGamma, p: 0.2, ...}`; auto: noise,
    blur, brightness, contrast, gamma and a loss of resolution, each in one patch of five or ten."""


class MedicalConfig(Section):
    """Images with masks of a number of patients, and how a segmenter is made of them that one can trust."""

    data: str = ""
    """Folder of the data: `images` and `masks` (or `labels`) with equal names, at any depth; or nnU-Net's layout."""
    classes: dict[str, Any] = Field(default={})
    """What stands for each class in the masks, the background first: `{background: 0, tumour: 255}`; `any` for every
    other number, as where each object has its own."""
    void: tuple[int | tuple[int, int, int], ...] = ()
    """Values of masks, or colours, of pixels that count nowhere."""
    patient: str = ""
    """Who a case belongs to: a regular expression with one group, searched in its name: `(P\\d+)`. Empty: the column
    `patient` of cases.csv, or else every case is another patient."""
    cases: str = ""
    """A table `case,patient,...` of further facts, for the strata of the report; empty: `cases.csv` in the folder of
    the data, where there is one."""
    distinct: tuple[tuple[str, str], ...] = ()
    """Pairs of names of cases that were looked at: nearly the same image, and yet of two patients. Without it such a
    pair is refused."""
    modality: Literal["auto", "rgb", "gray", "ct", "mr"] = "auto"
    """What the images are. auto: colour or grey pictures by their files, CT by the DICOM header or by values below
    -200, else MR."""
    window: tuple[float, float] | None = None
    """CT: the lowest and the highest Hounsfield unit that are told apart; null: those of the labelled tissue."""
    intensity: Literal["auto", "window", "zscore", "percentile", "none"] = "auto"
    """How intensities become the range of the network. auto: window for CT, zscore for MR, percentile for grey pictures
    of more than 8 bits, else none."""
    plane: Literal["auto", "axial", "coronal", "sagittal"] = "auto"
    """Which slices of a scan are looked at; auto: those with the finest pixels, else axial."""
    spacing: float | None = Field(default=None, gt=0)
    """Millimetres in the plane that all scans are brought to; null keeps each scan's own."""
    zoom: float | Literal["auto"] = "auto"
    """Further enlargement before the network, whose finest map has a stride of 4; auto: 1, or more where what is looked
    for is small in pixels."""
    slices: int = Field(default=1, ge=1, le=15)
    """Neighbouring slices that are seen together (2.5D), an odd number; the one in the middle is labelled."""

    folds: int = Field(default=5, ge=2)
    """Parts of the patients; each part is predicted by a model that has seen only the others."""
    budget: str | None = None
    """Time for the training of all folds together: `30min`, `2h`. null: `epochs` says how long."""
    epochs: int | None = Field(default=None, ge=1)
    """Passes over the slices of the training patients; with neither this nor a budget, a budget of 1h."""
    seed: int = Field(default=0, ge=0)
    """Everything random follows from it."""

    model: ModelConfig = ModelConfig()
    """Backbone, pyramid and head. Without weights the backbone has GroupNorm and no frozen stages, unless told."""
    losses: Losses | Literal["auto"] = "auto"
    """auto: cross-entropy and Dice of the foreground classes; tversky instead of Dice where they are tiny."""
    patch: tuple[int, int] | Literal["auto"] = "auto"
    """Height and width of what the network sees at a time, in pixels after spacing and zoom; auto: the size of the
    images, at most 256 on the CPU and 512 on a GPU."""
    batch: int = Field(default=8, ge=1)
    """Patches on each device in one step."""
    lesion_share: float = Field(default=0.67, ge=0, le=1)
    """Share of the patches that are drawn around a lesion; the others lie anywhere."""
    augment: MedicalAugmentConfig = MedicalAugmentConfig()
    flips: tuple[Flip, ...] | Literal["auto"] = "auto"
    """Mirrored views that are averaged in prediction; auto: those of the augmentation."""
    overlap: float = Field(default=0.5, ge=0, le=0.9)
    """Share of a patch that the next one covers again in prediction."""
    workers: int = Field(default=0, ge=0)
    """Loader processes for each device."""

    optim: OptimConfig | Literal["auto"] = "auto"
    """auto: AdamW, 2e-3 from scratch, 3e-4 with a tenth of it for a backbone that has weights."""
    schedule: ScheduleConfig = ScheduleConfig(name="cosine", warmup_steps=50)
    unfreeze: float = Field(default=0.15, ge=0, lt=1)
    """Share of the training after which a backbone with weights begins to learn, too."""
    trainer: TrainerConfig = TrainerConfig(ema_decay=0.99, val_every_epochs=5)
    """`max_epochs` and `max_steps` follow from the budget or `epochs`."""
    tolerance: float = Field(default=1.0, gt=0)
    """How far two contours may lie apart to count as one in the surface Dice: millimetres, of pictures pixels."""

    @field_validator("model", mode="after")
    @classmethod
    def _norm_without_weights(cls, model: ModelConfig) -> ModelConfig:
        """From scratch, batches of patches are too small for batch statistics, and nothing is worth freezing."""
        backbone = model.backbone
        if model.weights != "none" or backbone.weights != "none":
            return model
        unsaid = {"norm": "group", "freeze": ()}
        changes = {key: unsaid[key] for key in unsaid.keys() - backbone.model_fields_set}
        return model.model_copy(update={"backbone": backbone.model_copy(update=changes)})

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.budget is not None and self.epochs is not None:
            raise ValueError("budget and epochs both say how long to train; leave one out")
        if self.budget is not None and not _BUDGET.fullmatch(self.budget):
            raise ValueError(f"budget {self.budget!r} must be like 45s, 30min, 2h or 1.5d")
        if self.slices % 2 == 0:
            raise ValueError(f"slices {self.slices} has no middle; give an odd number like 3")
        if self.window is not None and not self.window[0] < self.window[1]:
            raise ValueError(f"window {[*self.window]} must be [low, high] in Hounsfield units")
        if self.window is not None and self.modality not in ("auto", "ct"):
            raise ValueError(f"window is for CT, and modality is {self.modality}; leave it out")
        if self.modality == "rgb" and self.intensity not in ("auto", "none"):
            raise ValueError(f"intensity {self.intensity} is for scans; rgb pictures have none")
        if isinstance(self.zoom, float) and not 0.1 <= self.zoom <= 16:
            raise ValueError(f"zoom {self.zoom} must be between 0.1 and 16, or auto")
        if self.classes:
            _check_background(self.pixel_classes())
        if self.patient:
            _check_pattern(self.patient)
        return self

    def pixel_classes(self) -> PixelClasses:
        """The classes that the settings declare.

        Raises:
            ValueError: There are none, or a value has two meanings.
        """
        if not self.classes:
            raise ValueError(
                "classes: say what the values of the masks mean, like {background: 0, tumour: 255}"
            )
        classes = find_classes(self.classes, self.void)
        classes.check_one_meaning()
        return classes

    def minutes(self) -> float | None:
        """The budget in minutes, None where `epochs` says how long to train."""
        if self.epochs is not None:
            return None
        match = _BUDGET.fullmatch(self.budget or "1h")
        assert match
        return float(match[1]) * _MINUTES[match[2]]

    def scratch(self) -> bool:
        """Whether no weights are loaded."""
        return self.model.weights == "none" and self.model.backbone.weights == "none"


def _check_background(classes: PixelClasses) -> None:
    if len(classes) < 2 or classes.names[0].lower() != "background":
        raise ValueError(
            f"classes {', '.join(classes.names)}: the first must be the background, and another one must follow: "
            "{background: 0, tumour: 255}"
        )


def _check_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"patient {pattern!r} is no regular expression: {error}") from error
    if groups != 1:
        raise ValueError(
            f"patient {pattern!r} has {groups} groups; put one pair of brackets around what names the patient: (P\\d+)"
        )
