"""The whole segmenter, of every kind: no waiting, no graph break, exportable, and blind outside the images."""

import pytest
import torch
from torch import Tensor

from backbones.drop import DropPath
from benchmarks.waits import count_syncs
from lumbar.data.pixel_classes import IGNORE
from lumbar.ops.structures import Images
from segmentation.build import make_segmenter
from segmentation.fcn import FCN, Segmentation
from segmentation.labels import TASKS
from segmentation.model_config import ModelConfig
from segmentation.pixel_losses import CrossEntropy
from tests.segmentation.small_fcn import (
    KINDS,
    NUM_CLASSES,
    SIZES,
    make_images,
    make_labels,
    small_fcn,
)

SEEDS = torch.arange(2)


@pytest.fixture
def model(request: pytest.FixtureRequest) -> FCN:
    return small_fcn(getattr(request, "param", "plain")).eval()


in_all_kinds = pytest.mark.parametrize("model", KINDS, indirect=True)


def in_graphs_of(*kinds: str) -> pytest.MarkDecorator:
    """These at each run, the others with the slow tests: they take seconds."""
    marks = {kind: () if kind in kinds else pytest.mark.slow for kind in KINDS}
    models = [pytest.param(kind, marks=mark) for kind, mark in marks.items()]
    return pytest.mark.parametrize("model", models, indirect=True)


def total(losses: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(losses.values())).sum()


def gradients(model: FCN, losses: dict[str, Tensor]) -> list[Tensor]:
    return list(torch.autograd.grad(total(losses), list(model.parameters())))


@in_all_kinds
def test_neither_verb_waits(model: FCN) -> None:
    images, labels = make_images(), make_labels()

    assert count_syncs(lambda: gradients(model, model.train().losses(images, labels, SEEDS))) == {}
    assert count_syncs(lambda: model.eval().predict(images)) == {}


@pytest.mark.gpu
@in_all_kinds
def test_cuda_agrees_that_nothing_waits(model: FCN) -> None:
    model, labels = model.cuda(), make_labels().cuda()
    images = Images(*(field.cuda() for field in make_images()))
    gradients(model, model.losses(images, labels))  # the first step sets up the libraries

    torch.cuda.set_sync_debug_mode("error")
    try:
        gradients(model, model.losses(images, labels))
        model.predict(images)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@in_all_kinds
def test_everything_is_made_on_the_device_of_the_images(model: FCN) -> None:
    """On the meta device there are no values to look at, and tensors of another device do not fit."""
    model, labels = model.to("meta"), make_labels().to("meta")
    images = Images(*(field.to("meta") for field in make_images()))

    results = (*model.losses(images, labels).values(), *model.predict(images))

    assert {x.device.type for x in results} == {"meta"}


@in_graphs_of("plain", "pyramid", "skip")
def test_compiled_losses_and_gradients_are_the_same(model: FCN) -> None:
    compiled = torch.compile(model.losses, fullgraph=True, backend="aot_eager")
    images, labels = make_images(), make_labels()
    model.train()

    losses, expected = compiled(images, labels, SEEDS), model.losses(images, labels, SEEDS)

    torch.testing.assert_close(losses, expected)
    torch.testing.assert_close(
        gradients(model, losses), gradients(model, expected), rtol=1e-3, atol=1e-5
    )


@in_all_kinds
def test_what_is_dropped_follows_from_the_seeds_of_the_images(model: FCN) -> None:
    images, labels = make_images(), make_labels()
    model.train()

    first = total(model.losses(images, labels, SEEDS))
    torch.manual_seed(99)

    assert torch.equal(first, total(model.losses(images, labels, SEEDS)))
    assert not torch.equal(first, total(model.losses(images, labels, SEEDS + 1)))


def test_both_heads_and_the_backbone_draw_apart() -> None:
    config = ModelConfig.model_validate(
        {
            "backbone": {"name": "resnet18", "weights": "none", "norm": "group", "drop_path": 0.5},
            "head": {"name": "fcn", "dropout": 0.5},
            "aux": {"weight": 0.4},
        }
    )
    task = TASKS["multiclass"]
    model = make_segmenter(config, NUM_CLASSES, task=task, loss=CrossEntropy(task)).train()
    streams = [module.stream for module in model.modules() if isinstance(module, DropPath)]

    assert len(streams) == len({*streams}) == 2 + 2 * 8
    maps = [model.dense(make_images(), seeds).features["c5"] for seeds in (SEEDS, SEEDS + 1)]
    assert not torch.equal(*maps)


@in_graphs_of("pyramid")
def test_compiled_predictions_are_the_same(model: FCN) -> None:
    compiled = torch.compile(model.predict, fullgraph=True, backend="aot_eager")
    images = make_images()

    assert torch.equal(compiled(images).labels, model.predict(images).labels)


@in_graphs_of("skip")  # `test_export_graph` exports the others
def test_exported_predictions_are_the_same_for_any_batch_and_canvas(model: FCN) -> None:
    # A side of one cell on p6 is a case of its own for the exporter: 96 pixels are the least it covers.
    rows, columns = (torch.export.Dim(name, min=3, max=40) for name in ("rows", "columns"))
    batch = {0: torch.export.Dim("batch", min=1, max=40)}
    shapes = Images(batch | {2: 32 * rows, 3: 32 * columns}, batch, batch)
    exported = torch.export.export(
        model, (make_images(canvas=(96, 160)),), dynamic_shapes={"images": shapes}
    ).module()

    for sizes, canvas in ((SIZES[:1], (160, 128)), ([(60, 60)] * 3, (96, 96))):
        images = make_images(sizes, canvas=canvas)
        expected = model.predict(images).labels
        assert len(expected.unique()) == NUM_CLASSES
        assert torch.equal(exported(images).labels, expected)


@in_all_kinds
def test_losses_reach_every_parameter(model: FCN) -> None:
    losses = model.train().losses(make_images(), make_labels())

    assert list(losses) == ["loss/main"] + ["loss/aux"] * (model.aux_classifier is not None)
    for gradient in gradients(model, losses):
        assert gradient.isfinite().all()
        assert gradient.any()


@in_all_kinds
def test_pixels_outside_the_image_do_not_matter(model: FCN) -> None:
    images, labels = make_images(), make_labels()
    canvas = images.canvas.clone()
    canvas[1, :, SIZES[1][0] :], canvas[1, :, :, SIZES[1][1] :] = 200.0, torch.nan
    garbage = images._replace(canvas=canvas)

    assert torch.equal(model.predict(garbage).labels, model.predict(images).labels)
    torch.testing.assert_close(
        model.losses(garbage, labels), model.losses(images, labels), rtol=0, atol=0
    )


@in_all_kinds
def test_scores_of_a_batch_are_those_of_its_images(model: FCN) -> None:
    model, images = model.double(), make_images()

    together = model.logits(images)

    for row in range(2):
        alone = Images(*(field[row : row + 1] for field in images))
        torch.testing.assert_close(together[row : row + 1], model.logits(alone))


def test_labels_are_the_likeliest_classes_of_all_pixels(model: FCN) -> None:
    images = make_images()

    labels, logits = model.predict(images).labels, model.logits(images)

    assert labels.dtype == torch.uint8
    assert logits.shape == (2, NUM_CLASSES, *SIZES[0])
    assert torch.equal(labels.long(), logits.argmax(1))
    assert not labels.requires_grad
    assert not logits.requires_grad


def test_several_labels_for_a_pixel_need_no_other_model(model: FCN) -> None:
    images, labels = make_images(), torch.ones(2, NUM_CLASSES, *SIZES[0], dtype=torch.uint8)
    model.task = TASKS["multilabel"]
    model.loss = CrossEntropy(model.task)

    logits = model.logits(images)

    assert torch.equal(model.predict(images).labels, (logits > 0).to(torch.uint8))
    expected = torch.nn.functional.softplus(-logits).mean()
    torch.testing.assert_close(model.losses(images, labels)["loss/main"], expected)


@in_all_kinds
def test_images_that_nobody_labelled_teach_nothing(model: FCN) -> None:
    losses = model.losses(make_images(), torch.full_like(make_labels(), IGNORE))

    assert all(loss == 0 for loss in losses.values())
    assert not any(gradient.any() for gradient in gradients(model, losses))


def test_the_auxiliary_loss_is_weighted_and_predictions_go_without(model: FCN) -> None:
    images, labels = make_images(), make_labels()
    assert model.aux_classifier is not None
    losses = model.losses(images, labels)
    calls: list[object] = []
    model.aux_classifier.register_forward_hook(lambda *call: calls.append(call))

    model.predict(images)
    model.logits(images)
    assert not calls
    model.aux_weight = 2.0
    doubled = model.losses(images, labels)

    torch.testing.assert_close(doubled["loss/aux"], losses["loss/aux"] * 5)
    assert torch.equal(doubled["loss/main"], losses["loss/main"])


@in_all_kinds
def test_autocast_keeps_scores_and_losses_in_float32(model: FCN) -> None:
    images, labels = make_images(), make_labels()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        dense = model.dense(images)
        losses, logits = model.losses(images, labels), model.logits(images)

    assert dense.logits.dtype == torch.bfloat16, "autocast did nothing"
    assert {x.dtype for x in (logits, *losses.values())} == {torch.float32}
    assert (logits != logits.bfloat16()).any()
    torch.testing.assert_close(losses, model.losses(images, labels), rtol=0.1, atol=0.01)


def test_inputs_are_left_as_they_were(model: FCN) -> None:
    images, labels = make_images(), make_labels()
    before = [field.clone() for field in (*images, labels)]

    model.losses(images, labels)
    model.predict(images)

    for one, other in zip((*images, labels), before, strict=True):
        assert torch.equal(one, other)


def test_the_dense_output_serves_both_verbs(model: FCN) -> None:
    images, labels = make_images(), make_labels()
    dense = model.dense(images)

    torch.testing.assert_close(model.losses_of(dense, labels), model.losses(images, labels))
    assert torch.equal(model.prediction_of(dense, images).labels, model.predict(images).labels)


def test_forward_is_predict_in_any_mode(model: FCN) -> None:
    images = make_images()

    assert isinstance(model.train()(images), Segmentation)
    assert torch.equal(model.eval()(images).labels, model.predict(images).labels)


def test_whole_numbers_and_floats_give_the_same(model: FCN) -> None:
    images = make_images()

    small = model.predict(images._replace(canvas=images.canvas.to(torch.uint8)))

    assert torch.equal(small.labels, model.predict(images).labels)
