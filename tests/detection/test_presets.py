"""Detectors built under a preset behave as those of its zoo; the expectations stand here, not in the presets."""

from typing import Any, NamedTuple, get_args

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import roi_align

from backbones.norm import EvalNorm, FrozenNorm
from detection.box_head import TwoFCHead
from detection.build import make_detector
from detection.config import DetectionConfig
from detection.conv_head import FourConvFCHead
from detection.faster_rcnn import FasterRCNN
from detection.presets import PRESETS
from detection.sampler import Samples
from lumbar.data.interpolation import antialiased, by_opencv, by_pillow, by_torch
from lumbar.data.sample import Sample
from lumbar.data.sizes import canvas_of
from lumbar.data.transforms import build_transform
from lumbar.ops.structures import Targets
from lumbar.training.load import config_from_dict
from lumbar.training.optim import parameter_groups
from lumbar.training.schedule import factor
from tests.detection.parts import STRIDES, grid_of, make_pyramid, tiny_detector

SHORTS = (640, 672, 704, 736, 768, 800)


class Zoo(NamedTuple):
    """What a zoo does, as read in its sources."""

    norm: type[nn.Module] = FrozenNorm
    frozen: tuple[str, ...] = ("stem", "layer1")
    pyramid_norm: type[nn.Module] | None = None
    stride_in_3x3: bool = True
    rounded_anchors: bool = False
    rpn_convs: int = 1
    low_quality: float = 0.0
    claims: bool = False
    divided_by_batch: bool = False
    proposals: tuple[int, int] = (1000, 1000)
    proposal_side: float = 0.0
    beta: float = 0.0
    sampling: int = 2
    aligned: bool = True
    head: type[nn.Module] = TwoFCHead
    normal_start: bool = True
    hidden_start: float = 12544**-0.5
    lateral_start: float = (3 / 2048) ** 0.5
    detection_side: float = 0.0
    resize: Any = antialiased
    shorts: tuple[int, ...] = (800,)
    rate: tuple[float, int] = (0.02, 16)
    decays: tuple[float, float] = (1e-4, 0.0)
    warmup: int = 1000


_TORCHVISION = Zoo(
    rounded_anchors=True,
    proposals=(2000, 1000),
    proposal_side=1e-3,
    beta=1 / 9,
    aligned=False,
    normal_start=False,
    detection_side=1e-2,
    resize=by_torch,
    decays=(1e-4, 1e-4),
)
ZOOS = {
    "lumbar": Zoo(),
    "torchvision": _TORCHVISION,
    "torchvision_v2": _TORCHVISION._replace(
        norm=nn.BatchNorm2d,
        frozen=(),
        pyramid_norm=nn.BatchNorm2d,
        rpn_convs=2,
        head=FourConvFCHead,
        rate=(0.1, 64),
        decays=(4e-5, 4e-5),
    ),
    "detectron2": Zoo(
        stride_in_3x3=False,
        divided_by_batch=True,
        sampling=0,
        hidden_start=(3 / 12544) ** 0.5,
        resize=by_pillow,
        shorts=SHORTS,
    ),
    "mmdet": Zoo(
        norm=EvalNorm,
        low_quality=0.3,
        claims=True,
        sampling=0,
        hidden_start=(6 / (12544 + 1024)) ** 0.5,
        lateral_start=(6 / (2048 + 256)) ** 0.5,
        resize=by_opencv,
        decays=(1e-4, 1e-4),
        warmup=500,
    ),
}
each_zoo = pytest.mark.parametrize(("name", "zoo"), ZOOS.items(), ids=ZOOS)


def config_of(name: str) -> DetectionConfig:
    return config_from_dict(DetectionConfig, {"preset": name, **PRESETS[name]})


def whole(name: str) -> FasterRCNN:
    """The detector of a preset at its real size, without numbers in it."""
    with torch.device("meta"):
        return make_detector(config_of(name).model, 3)


def test_every_choice_has_a_preset() -> None:
    choices = get_args(DetectionConfig.model_fields["preset"].annotation)

    assert set(choices) == PRESETS.keys() == ZOOS.keys()


def test_lumbar_is_the_default() -> None:
    assert config_of("lumbar") == DetectionConfig()


@each_zoo
def test_body_and_pyramid(name: str, zoo: Zoo) -> None:
    body, pyramid = whole(name).backbone.body, whole(name).backbone.fpn

    assert {type(module) for key, module in body.named_modules() if "bn" in key} == {zoo.norm}
    assert body.bn1.eps == 1e-5
    unit = body.layer2[0]
    assert (unit.conv1.stride, unit.conv2.stride) == (
        ((1, 1), (2, 2)) if zoo.stride_in_3x3 else ((2, 2), (1, 1))
    )
    assert body.frozen == set(zoo.frozen)
    norms = {type(block[1]) for block in pyramid.inner_blocks if len(block) > 1}
    assert norms == ({zoo.pyramid_norm} if zoo.pyramid_norm else set())


@each_zoo
def test_anchors(name: str, zoo: Zoo) -> None:
    """p6 of this canvas has three rows: 64 pixels apart, or 160 // 3 in torchvision."""
    canvas, sizes, ratios = (160, 192), (32, 64, 128, 256, 512), (0.5, 1.0, 2.0)
    grids = [grid_of(canvas, stride) for stride in STRIDES.values()]
    anchors = make_detector(config_of(name).model, 1).rpn.anchors.double()

    actual = torch.cat(anchors(grids, canvas))

    theirs = AnchorGenerator(tuple((size,) for size in sizes), (ratios,) * 5)
    images = ImageList(torch.zeros(1, 3, *canvas), [canvas])
    rounded = theirs(images, [torch.zeros(1, 1, *grid) for grid in grids])[0].double()
    exact = [
        [x * stride - w / 2, y * stride - h / 2, x * stride + w / 2, y * stride + h / 2]
        for stride, size, (rows, columns) in zip(STRIDES.values(), sizes, grids, strict=True)
        for y in range(rows)
        for x in range(columns)
        for w, h in ((size / ratio**0.5, size * ratio**0.5) for ratio in ratios)
    ]
    expected = rounded if zoo.rounded_anchors else torch.tensor(exact, dtype=torch.float64)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-9)


@each_zoo
def test_matching_of_the_only_anchor_of_a_box(name: str, zoo: Zoo) -> None:
    matcher = tiny_detector(name).rpn.matcher
    truth = torch.tensor([[[0.0, 0.0, 10.0, 10.0]]])
    targets = Targets(truth, torch.zeros(1, 1).long(), torch.ones(1, 1).bool(), torch.zeros(1))

    for overlap, is_positive in ((0.25, zoo.low_quality <= 0.25), (0.35, True)):
        box = truth * torch.tensor([1.0, 1.0, 1.0, overlap])
        assert matcher(box, targets).positive.item() == is_positive


@each_zoo
def test_the_best_anchor_of_a_box_that_overlaps_another_more(name: str, zoo: Zoo) -> None:
    truth = torch.tensor([[[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 4.0]]])
    targets = Targets(truth, torch.zeros(1, 2).long(), torch.ones(1, 2).bool(), torch.zeros(1))
    anchors = torch.tensor([[[0.0, 0.0, 10.0, 8.0], [0.0, 0.0, 10.0, 10.0]]])

    matches = tiny_detector(name).rpn.matcher(anchors, targets)

    assert matches.indices.tolist() == [[1 if zoo.claims else 0, 0]]


@each_zoo
def test_start(name: str, zoo: Zoo) -> None:
    model = make_detector(config_of(name).model, 3)
    linear = next(m for m in model.roi_heads.box_head.modules() if isinstance(m, nn.Linear))

    for weight, bound in (
        (linear.weight, zoo.hidden_start),
        (model.backbone.fpn.inner_blocks[-1][0].weight, zoo.lateral_start),
    ):
        assert 0.99 * bound < weight.abs().max() <= bound


@each_zoo
def test_proposals(name: str, zoo: Zoo) -> None:
    rpn = whole(name).rpn

    assert len(rpn.head.conv) == zoo.rpn_convs
    selectors = (rpn.train_selector, rpn.test_selector)
    assert [selector.pre_nms for selector in selectors] == [2000, 1000]
    assert tuple(selector.post_nms for selector in selectors) == zoo.proposals
    assert [selector.min_size for selector in selectors] == [zoo.proposal_side] * 2


@each_zoo
def test_losses(name: str, zoo: Zoo) -> None:
    model, weight = tiny_detector(name), torch.ones(2)
    distance = torch.tensor([[0.05, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]])
    near = 0.5 * 0.05**2 / zoo.beta if zoo.beta else 0.05

    for loss in (model.rpn.box_loss, model.roi_heads.box_loss):
        assert loss(distance, distance * 0, weight) == pytest.approx(near + 2 - zoo.beta / 2)
    half = torch.arange(6) < 3
    samples = Samples(torch.zeros(1, 6, dtype=torch.int64), half[None], half[None])
    assert model.rpn.divisor(samples).item() == (6 if zoo.divided_by_batch else 3)


@each_zoo
def test_pooling(name: str, zoo: Zoo) -> None:
    """Boxes of 16.5 and 18 cells of p3 ask for three samples along each of the seven pooled ones."""
    pool, pyramid = tiny_detector(name).roi_heads.pool, make_pyramid(canvas=(256, 256))
    boxes = torch.tensor([[[21.0, 30.0, 153.0, 162.0], [40.0, 17.0, 184.0, 161.0]]] * 2).double()

    actual = pool(pyramid, boxes)

    assert [pool.names[level] for level in pool.levels(boxes)[0]] == ["p3", "p3"]
    expected = roi_align(pyramid["p3"], list(boxes), 7, 1 / 8, zoo.sampling, zoo.aligned)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-9)


@each_zoo
def test_head(name: str, zoo: Zoo) -> None:
    heads = tiny_detector(name).roi_heads

    assert type(heads.box_head) is zoo.head
    norms = [m for m in heads.box_head.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == (4 if zoo.head is FourConvFCHead else 0)
    assert (heads.box_predictor.cls_score.bias.abs().max() == 0) == zoo.normal_start
    post = heads.postprocess
    assert (post.score, post.nms_iou, post.min_size) == (0.05, 0.5, zoo.detection_side)


@each_zoo
def test_pixels_in_evaluation(name: str, zoo: Zoo) -> None:
    resize = config_of(name).data.resize.model_copy(update={"test_short": 67, "long": 100})
    image = torch.randint(256, (3, 38, 53), dtype=torch.uint8)
    sample = Sample(image, torch.zeros(0, 4), torch.zeros(0).long(), (38, 53), 1, 2)

    resized = build_transform(resize, None)(sample, np.random.default_rng(0)).image

    height, width = resized.shape[1:]
    assert torch.equal(resized, zoo.resize(image, (height, width)))


@each_zoo
def test_sizes(name: str, zoo: Zoo) -> None:
    data = config_of(name).data

    assert data.resize.short == zoo.shorts
    canvas = canvas_of((480, 640), data.resize, data.pad_multiple, data.canvas_buckets)
    assert canvas == (800, 1088)  # 800 x 1066.67 pixels


@each_zoo
def test_optimiser(name: str, zoo: Zoo) -> None:
    config, model = config_of(name), tiny_detector()
    decays = {
        id(parameter): group.weight_decay
        for group in parameter_groups(model, config.optim, lr=1.0)
        for parameter in group.params
    }
    norm, conv = model.backbone.body.bn1.weight, model.backbone.body.conv1.weight

    assert (decays[id(conv)], decays[id(norm)]) == zoo.decays
    assert (config.optim.lr, config.optim.base_batch_size) == zoo.rate
    for step, expected in ((0, 1e-3), (zoo.warmup // 2, 0.5005), (zoo.warmup, 1.0)):
        assert factor(step, 100_000, config.schedule) == pytest.approx(expected)
