"""The whole detector: no waiting, no graph break, exportable, and a function of the image inside its canvas alone."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor

from benchmarks.waits import count_syncs
from detection.faster_rcnn import FasterRCNN
from detection.presets import PRESETS
from lumbar.ops.boxes import area, pairwise_iou
from lumbar.ops.structures import Detections, Images, Targets
from lumbar.training.compiling import compile_parts
from tests.detection.copies import CopyCounter
from tests.detection.parts import SIZES, make_images, make_targets, tiny_detector
from tests.detection.small_detector import small_detector

LOSSES = {"rpn/objectness", "rpn/box", "roi/class", "roi/box"}


@pytest.fixture(scope="module")
def detector(request: pytest.FixtureRequest) -> FasterRCNN:
    """In float32; tests that change it take a new one."""
    return tiny_detector(getattr(request, "param", "lumbar"))


in_all_presets = pytest.mark.parametrize("detector", PRESETS, indirect=True)
PARTS = ("lumbar", "detectron2", "torchvision_v2")
"""Every part that some preset takes; what else they differ in is numbers."""


@pytest.fixture(scope="module")
def exact() -> FasterRCNN:
    """In float64."""
    return tiny_detector().double()


def total(losses: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(losses.values())).sum()


def gradients(model: FasterRCNN, losses: dict[str, Tensor]) -> list[Tensor]:
    return list(
        torch.autograd.grad(total(losses), [p for p in model.parameters() if p.requires_grad])
    )


def rows(batch: Images | Targets, row: int) -> tuple[Tensor, ...]:
    """The fields of one image, still batched."""
    return tuple(field[row : row + 1] for field in batch)


@in_all_presets
def test_a_training_step_never_waits(detector: FasterRCNN) -> None:
    images, targets = make_images(), make_targets(3, 0)
    detector.train()

    def step() -> None:
        gradients(detector, detector.losses(images, targets))

    assert count_syncs(step) == {}


@in_all_presets
def test_prediction_never_waits(detector: FasterRCNN) -> None:
    images = make_images()
    detector.eval()

    assert count_syncs(lambda: detector.predict(images)) == {}


@pytest.mark.gpu
@pytest.mark.parametrize("preset", PRESETS)
def test_cuda_agrees_that_nothing_waits(preset: str) -> None:
    model = tiny_detector(preset).cuda()
    images = Images(*(field.cuda() for field in make_images()))
    targets = Targets(*(field.cuda() for field in make_targets(3, 0)))
    gradients(model, model.losses(images, targets))  # the first step sets up the libraries

    torch.cuda.set_sync_debug_mode("error")
    try:
        gradients(model, model.losses(images, targets))
        model.predict(images)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_step_in_bf16_copies_no_feature_map() -> None:
    """Maps stay in bf16 and in the order of the weights from the first convolution to the gradients."""
    model = tiny_detector().train().to(memory_format=torch.channels_last)
    images, targets = make_images(canvas=(96, 160)), make_targets(3, 5)

    with CopyCounter((96, 160)) as counter:
        with torch.autocast("cpu", torch.bfloat16):
            losses = model.losses(images, targets)
        gradients(model, losses)
        seen = list(counter.copies)
        torch.zeros(2, 8, 6, 10).contiguous(memory_format=torch.channels_last)

    assert (seen, len(counter.copies)) == ([], 1)


@pytest.mark.parametrize("preset", PRESETS)
def test_everything_is_made_on_the_device_of_the_images(preset: str) -> None:
    """On the meta device there are no values to look at, and tensors of another device do not fit."""
    model = tiny_detector(preset).to("meta")
    images = Images(*(field.to("meta") for field in make_images()))
    targets = Targets(*(field.to("meta") for field in make_targets(3, 5)))

    losses, detections = model.losses(images, targets), model.predict(images)

    assert {x.device.type for x in (*losses.values(), *detections)} == {"meta"}


@pytest.mark.parametrize("preset", PARTS)
def test_compiled_losses_and_gradients_are_the_same(preset: str) -> None:
    """On three maps; `backbones` compiles the pyramids."""
    detector = small_detector(preset).model.train()
    compiled = torch.compile(detector.losses, fullgraph=True, backend="aot_eager")
    images, targets = make_images(), make_targets(3, 5)

    losses, expected = compiled(images, targets), detector.losses(images, targets)

    torch.testing.assert_close(losses, expected)
    for one, other in zip(gradients(detector, losses), gradients(detector, expected), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "preset", ["lumbar", *(pytest.param(name, marks=pytest.mark.slow) for name in PARTS[1:])]
)
def test_compiled_predictions_are_the_same(preset: str) -> None:
    detector = small_detector(preset).model.eval()
    compiled = torch.compile(detector.predict, fullgraph=True, backend="aot_eager")
    images = make_images()

    for one, other in zip(compiled(images), detector.predict(images), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor:UserWarning"
)  # the compiler looks at its inputs
def test_parts_compiled_to_machine_code_give_the_same() -> None:
    images, targets, more = make_images(), make_targets(3, 5), make_targets(9, 2, padded=16)
    eager = tiny_detector().double().train()
    fast = deepcopy(eager)

    compile_parts(fast, "default", num_canvases=1)

    for given in (targets, more):
        losses, expected = fast.losses(images, given), eager.losses(images, given)
        torch.testing.assert_close(losses, expected, rtol=1e-6, atol=0)
        pairs = zip(gradients(fast, losses), gradients(eager, expected), strict=True)
        for one, other in pairs:
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)


def test_a_network_that_has_diverged_finds_nothing() -> None:
    """Its losses say so to whoever skips steps; nothing is read by indices of NaN."""
    model = tiny_detector()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(torch.nan)

    losses = model.losses(make_images(), make_targets(3, 5))
    found = model.eval().predict(make_images())

    assert total(losses).isnan()
    assert not found.valid.any()
    assert not found.boxes.any()


def test_predictions_of_a_batch_equal_stacked_singles(exact: FasterRCNN) -> None:
    images = make_images()

    together = exact.predict(images)

    assert together.valid.any(1).all()
    for row in range(2):
        alone = exact.predict(Images(*rows(images, row)))
        for one, other in zip(
            Detections(*(field[row : row + 1] for field in together)), alone, strict=True
        ):
            torch.testing.assert_close(one, other)


def test_losses_of_a_batch_are_the_mean_of_singles(exact: FasterRCNN) -> None:
    images, targets = make_images(), make_targets(3, 5)

    together = exact.losses(images, targets)

    alone = [
        exact.losses(Images(*rows(images, row)), Targets(*rows(targets, row))) for row in range(2)
    ]
    for name, loss in together.items():
        torch.testing.assert_close(loss, (alone[0][name] + alone[1][name]) / 2)


def test_pixels_outside_the_image_do_not_matter(detector: FasterRCNN) -> None:
    images, targets = make_images(((50, 70), (64, 40))), make_targets(3, 5)
    canvas = images.canvas.clone()
    canvas[0, :, 50:], canvas[0, :, :, 70:], canvas[1, :, :, 40:] = 200.0, 1e6, torch.nan
    garbage = images._replace(canvas=canvas)

    for one, other in zip(detector.predict(garbage), detector.predict(images), strict=True):
        assert torch.equal(one, other)
    torch.testing.assert_close(
        detector.losses(garbage, targets), detector.losses(images, targets), rtol=0, atol=0
    )


def test_padding_of_the_targets_does_not_matter(exact: FasterRCNN) -> None:
    images, short = make_images(), make_targets(3, 5)
    wider = {
        name: torch.cat([field, torch.zeros_like(field)], 1)
        for name, field in short._asdict().items()
        if name != "seeds"
    }
    longer = short._replace(**wider)

    losses = exact.losses(images, longer)

    assert longer.boxes.shape == (2, 16, 4)
    torch.testing.assert_close(losses, exact.losses(images, short))


@pytest.mark.parametrize("counts", [(0, 0), (0, 3)])
def test_images_without_objects_give_every_loss_and_gradient(counts: tuple[int, int]) -> None:
    model = tiny_detector()

    losses = model.losses(make_images(), make_targets(*counts))
    total(losses).backward()

    assert losses.keys() == LOSSES
    assert all(loss.isfinite() and loss.shape == () for loss in losses.values())
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_losses_follow_the_seeds_of_the_targets(exact: FasterRCNN) -> None:
    images, targets = make_images(), make_targets(3, 5)

    first = total(exact.losses(images, targets))
    torch.manual_seed(99)

    assert torch.equal(first, total(exact.losses(images, targets)))
    assert not torch.equal(
        first, total(exact.losses(images, targets._replace(seeds=targets.seeds + 1)))
    )


def test_a_backbone_that_draws_gets_the_seeds_of_the_targets() -> None:
    model = tiny_detector(backbone={"drop_path": 0.5}).train()
    images, targets = make_images(), make_targets(3, 5)

    maps = [
        model.dense(images, seeds).features["p3"] for seeds in (targets.seeds, targets.seeds + 1)
    ]
    first, again = (total(model.losses(images, targets)) for _ in range(2))

    assert not torch.equal(*maps)
    assert torch.equal(first, again)
    assert count_syncs(lambda: gradients(model, model.losses(images, targets))) == {}


def test_autocast_keeps_boxes_and_losses_in_float32() -> None:
    detector = tiny_detector(backbone={"width": 64})  # sums of few values round farther
    images, targets = make_images(), make_targets(3, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        dense = detector.dense(images)
        losses, narrow = detector.losses(images, targets), detector.predict(images)

    wide = detector.predict(images)

    assert dense.rpn.logits[0].dtype == torch.bfloat16, "autocast did nothing"
    assert {x.dtype for x in (*losses.values(), narrow.boxes, narrow.scores)} == {torch.float32}
    assert (narrow.boxes != narrow.boxes.bfloat16().float()).any()
    for name, loss in detector.losses(images, targets).items():
        torch.testing.assert_close(losses[name], loss, rtol=0.1, atol=0.01)
    overlap = pairwise_iou(wide.boxes, narrow.boxes).amax(2)
    assert overlap[wide.valid & (area(wide.boxes) > 0)].mean() > 0.9


def test_inputs_are_left_as_they_were(detector: FasterRCNN) -> None:
    images, targets = make_images(), make_targets(3, 5)
    before = [field.clone() for field in (*images, *targets)]

    detector.losses(images, targets)
    detector.predict(images)

    for one, other in zip((*images, *targets), before, strict=True):
        assert torch.equal(one, other)


def test_predictions_are_padded_detections_without_gradient(detector: FasterRCNN) -> None:
    detections = detector.predict(make_images())

    assert detections.boxes.shape == (2, 20, 4)
    assert not any(field.requires_grad for field in detections)
    for image, (height, width) in enumerate(SIZES):
        boxes = detections.image(image).boxes
        assert (boxes >= 0).all()
        assert (boxes[:, 2] <= width).all()
        assert (boxes[:, 3] <= height).all()


def test_forward_is_predict_in_any_mode() -> None:
    model, images = tiny_detector(), make_images()

    training, evaluation = model.train()(images), model.eval()(images)

    assert isinstance(training, Detections)
    for one, other, third in zip(training, evaluation, model.predict(images), strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, third)


def test_training_and_prediction_keep_their_own_proposals() -> None:
    few = {"pre_nms": 3, "post_nms": 2}
    default, images, targets = tiny_detector(), make_images(), make_targets(3, 5)
    at_test = tiny_detector(rpn={f"test_{name}": count for name, count in few.items()})
    in_training = tiny_detector(rpn={f"train_{name}": count for name, count in few.items()})

    losses, detections = default.losses(images, targets), default.predict(images)

    torch.testing.assert_close(at_test.losses(images, targets), losses)
    assert not torch.equal(in_training.losses(images, targets)["roi/class"], losses["roi/class"])
    torch.testing.assert_close(in_training.predict(images).boxes, detections.boxes)
    assert at_test.predict(images).valid.sum() < detections.valid.sum()


def test_anchors_tell_the_height_of_the_canvas_from_its_width() -> None:
    model = tiny_detector(anchors={"rule": "torchvision"})

    anchors = model.dense(make_images(canvas=(160, 96))).rpn.anchors[-1]

    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert centres.unique(dim=0).tolist() == [[x, y] for x in (0, 48) for y in (0, 53, 106)]


def test_whole_numbers_and_floats_give_the_same(detector: FasterRCNN) -> None:
    images = make_images()

    small = detector.predict(images._replace(canvas=images.canvas.to(torch.uint8)))

    for one, other in zip(small, detector.predict(images), strict=True):
        assert torch.equal(one, other)


def test_dense_and_sparse_make_up_the_two_verbs(detector: FasterRCNN) -> None:
    images, targets = make_images(), make_targets(3, 5)
    dense = detector.dense(images)

    losses, detections = (
        detector.sparse_losses(dense, images, targets),
        detector.sparse_predict(dense, images),
    )

    torch.testing.assert_close(losses, detector.losses(images, targets))
    for one, other in zip(detections, detector.predict(images), strict=True):
        torch.testing.assert_close(one, other)
