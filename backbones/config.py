"""Settings of the backbone and the pyramid; choices are literals, so that no torch is needed to check them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from backbones.names import NAMES, TIMM, known_name
from lumbar.schema import Section

_NAME_SCHEMA = {"anyOf": [{"enum": list(NAMES)}, {"type": "string", "pattern": f"^{TIMM}"}]}
"""For editors, which offer the names."""
Name = Annotated[str, AfterValidator(known_name), WithJsonSchema(_NAME_SCHEMA)]
NormName = Literal["frozen", "eval", "batch", "sync", "group"]
StageName = Literal["stem", "layer1", "layer2", "layer3", "layer4"]


class BackboneConfig(Section):
    """A network that yields c2..c5."""

    name: Name = "resnet50"
    """Architecture, one of those that `python -m backbones` lists, or `timm/NAME` (needs timm). `_v1` has the stride in
    the first 1x1 convolution of a block (the paper), the others in the 3x3; `c` begins with three 3x3 convolutions
    instead of one of 7x7 (MMSegmentation's ResNetV1c); `d` averages in its shortcuts, too."""
    weights: str = "torchvision/resnet50.v1"
    """`torchvision/<name>.v1` or `.v2` (fetched once into torchvision's cache), `timm/<name>.<tag>` for a
    network of timm, a file, or `none`."""
    norm: NormName = "frozen"
    """frozen: statistics and affine fixed, folded into the convolutions (needs weights); eval: the same with a trained
    affine; batch; sync: batch statistics over all ranks; group: GroupNorm of 32 groups, for training from scratch with
    small batches."""
    norm_eps: float = Field(default=1e-5, ge=0)
    """Epsilon of the norms; torchvision's published COCO detectors want 0."""
    freeze: tuple[StageName, ...] = ("stem", "layer1")
    """Stages that are not trained; ignored with a notice where no weights were loaded."""
    checkpoint: tuple[StageName, ...] = ()
    """Stages whose activations are recomputed in the backward pass: less memory, more time."""
    width: int | None = Field(default=None, ge=1)
    """Channels of the stem and of the first stage (of VGG: of the first two convolutions), of which the other stages
    have multiples; null: those that the network has by its name."""
    drop_path: float = Field(default=0.0, ge=0, lt=1)
    """Stochastic depth: probability that an image skips the last unit while the network learns; less before."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Probability that a value before the last convolution of a residual unit is zero while the network learns."""
    zero_init_residual: bool = False
    """Residual units begin as their shortcuts (Goyal et al. 2017, arXiv:1706.02677, section 5.1): the weight of their
    last norm is zero, or their last convolution where norms come first. Weights that are loaded take its place."""
    output_stride: Literal[8, 16, 32] = 32
    """Pixels per cell of the coarsest map; with 8 or 16 the last stages keep the size and spread their kernels, for the
    segmentation heads `fcn` and `concat`."""
    in_channels: int = Field(default=3, ge=1)
    """Channels of the input image; weights for another number of channels are adapted."""
    input_rule: Literal["fold", "timm"] = "fold"
    """How they are adapted. fold: exactly, so that behind a norm with statistics a grey image has the features of its
    three copies; timm: sum the colours for one channel, repeat them in turn for more."""


class FPNConfig(Section):
    """Feature pyramid, Lin et al. 2017 (arXiv:1612.03144), p2..p6."""

    channels: int = Field(default=256, ge=8)
    """Channels of every level."""
    norm: Literal["none", "batch", "sync", "group"] = "none"
    """Norm after the lateral and output convolutions."""
    init: Literal["kaiming", "xavier"] = "kaiming"
    """Convolutions start uniform within sqrt(3 / inputs), or (MMDetection) within sqrt(6 / (inputs + outputs))."""
