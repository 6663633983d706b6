"""Every knob of a detector, its default and its unit: the root of the YAML files of `configs/`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from backbones.config import BackboneConfig, FPNConfig
from lumbar.data.config import DataConfig
from lumbar.schema import Section
from lumbar.training.config import OptimConfig, ScheduleConfig, TrainerConfig


class AnchorConfig(Section):
    """Anchors on the pyramid: one size for each of p2..p6."""

    sizes: tuple[float, ...] = (32.0, 64.0, 128.0, 256.0, 512.0)
    """Square root of the area in pixels, one for each level."""
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Height over width."""
    rule: Literal["exact", "torchvision"] = "exact"
    """torchvision: corners rounded to whole pixels, and strides taken as canvas size // grid size."""


class RPNConfig(Section):
    """Region proposal network, Ren et al. 2015 (arXiv:1506.01497)."""

    convs: int = Field(default=1, ge=1)
    """3x3 convolutions before the two predictions."""
    fg_iou: float = Field(default=0.7, ge=0, le=1)
    """Anchors that overlap a box at least this much are positive."""
    bg_iou: float = Field(default=0.3, ge=0, le=1)
    """Anchors that overlap every box less than this are negative."""
    batch: int = Field(default=256, ge=1)
    """Anchors sampled for the loss in each image."""
    fg_fraction: float = Field(default=0.5, ge=0, le=1)
    """Largest share of positive ones among them."""
    train_pre_nms: int = Field(default=2000, ge=1)
    """Best anchors kept on each level before NMS, in training."""
    test_pre_nms: int = Field(default=1000, ge=1)
    """The same in prediction."""
    train_post_nms: int = Field(default=1000, ge=1)
    """Proposals kept in each image, in training."""
    test_post_nms: int = Field(default=1000, ge=1)
    """The same in prediction."""
    nms_iou: float = Field(default=0.7, ge=0, le=1)
    """Overlap above which the worse of two proposals is dropped."""
    min_size: float = Field(default=0.0, ge=0)
    """Proposals with a side not above this many pixels are dropped; 0 drops the empty ones."""
    smooth_l1_beta: float = Field(default=0.0, ge=0)
    """Where the box loss turns from squared to absolute; 0 is plain L1."""
    low_quality_iou: float = Field(default=0.0, ge=0, le=1)
    """The best anchor of a box is positive below `fg_iou`, too, if it overlaps the box at least this much."""
    low_quality_claims: bool = False
    """It belongs to that box even where it overlaps another one more."""
    loss_divisor: Literal["sampled", "batch"] = "sampled"
    """sampled: both losses are divided by the anchors that were sampled; batch: by `batch` for each image, also where
    there were not as many."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.bg_iou > self.fg_iou:
            raise ValueError(f"bg_iou {self.bg_iou} must not exceed fg_iou {self.fg_iou}")
        return self


class RoIConfig(Section):
    """Second stage: pooling, a small network, classes and boxes."""

    aligned: bool = True
    """Half-pixel alignment of RoIAlign (detectron2's version 2)."""
    sampling_ratio: int = Field(default=2, ge=0)
    """Sampling points along each side of a pooled cell; 0: one for each feature cell along it, rounded up, as the first
    RoIAlign had it, which takes a CPU ten times as long."""
    pool_size: int = Field(default=7, ge=1)
    """Cells along each side of a pooled region."""
    head: Literal["two_fc", "four_conv_fc"] = "two_fc"
    """two_fc: two fully connected layers; four_conv_fc: four 3x3 convolutions before a single one."""
    head_norm: Literal["none", "batch", "sync", "group"] = "none"
    """Norm after the four convolutions."""
    head_dim: int = Field(default=1024, ge=1)
    """Width of the fully connected layers."""
    iou: float = Field(default=0.5, ge=0, le=1)
    """Proposals that overlap a box at least this much are positive, the others background."""
    batch: int = Field(default=512, ge=1)
    """Proposals sampled for the loss in each image."""
    fg_fraction: float = Field(default=0.25, ge=0, le=1)
    """Largest share of positive ones among them."""
    smooth_l1_beta: float = Field(default=0.0, ge=0)
    """Where the box loss turns from squared to absolute; 0 is plain L1."""
    score: float = Field(default=0.05, ge=0, lt=1)
    """Detections that do not exceed this score are dropped."""
    nms_iou: float = Field(default=0.5, ge=0, le=1)
    """Overlap above which the worse of two detections of one class is dropped."""
    candidates: int = Field(default=2000, ge=1)
    """Best (proposal, class) pairs that enter NMS."""
    detections: int = Field(default=100, ge=1)
    """Detections kept in each image."""
    min_size: float = Field(default=0.0, ge=0)
    """Detections with a side not above this many pixels are dropped; 0 drops the empty ones."""
    init: Literal["normal", "torchvision", "detectron2", "mmdet"] = "normal"
    """How fully connected layers start. torchvision: as torch has them. The others draw predictors from N(0, 0.01) and
    N(0, 0.001); the layers before these are uniform within sqrt(3 / inputs) in detectron2, and within
    sqrt(6 / (inputs + outputs)) in mmdet."""

    @model_validator(mode="after")
    def _norms_follow_convolutions(self) -> Self:
        if self.head_norm != "none" and self.head != "four_conv_fc":
            raise ValueError(
                f"head_norm {self.head_norm} has no convolutions to follow in the head {self.head}; "
                "set head to four_conv_fc or head_norm to none"
            )
        return self


class ModelConfig(Section):
    """Faster R-CNN on a feature pyramid."""

    backbone: BackboneConfig = BackboneConfig()
    fpn: FPNConfig = FPNConfig()
    anchors: AnchorConfig = AnchorConfig()
    rpn: RPNConfig = RPNConfig()
    roi: RoIConfig = RoIConfig()
    weights: str = "none"
    """Whole detector to start from: a model.safetensors of Lumbar, a .pth of torchvision, detectron2 or MMDetection, or
    `none`; class rows are taken over where the class names agree."""


class DetectionConfig(Section):
    """A detector, its data and its training."""

    preset: Literal["lumbar", "torchvision", "torchvision_v2", "detectron2", "mmdet"] = "lumbar"
    """Whose conventions fill the settings that are not given: of torchvision's `fasterrcnn_resnet50_fpn` and its `_v2`,
    or of the Faster R-CNN R50-FPN of detectron2 or MMDetection."""
    seed: int = Field(default=0, ge=0)
    """Everything random follows from it."""
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    trainer: TrainerConfig = TrainerConfig()
