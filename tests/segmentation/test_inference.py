"""Settings become what they say; probabilities become labels in the pixels of the files."""

import pytest
import torch

from lumbar.ops.structures import Images
from segmentation.inference import (
    build_inference,
    build_sliding_window,
    build_views,
    decide,
    to_original,
)
from segmentation.inference_config import InferenceConfig
from segmentation.labels import TASKS
from segmentation.views import Flips, Scales, whole
from tests.segmentation.pointwise import noise, pointwise_fcn
from tests.segmentation.small_fcn import KINDS, SIZES, make_images, small_fcn


def test_nothing_set_looks_at_the_image_once() -> None:
    assert build_inference(InferenceConfig()) is whole


def test_views_are_every_flip_of_every_scale() -> None:
    config = InferenceConfig(flips=("horizontal", "both"), scales=(0.5, 2.0))

    views = build_views(config)

    assert views == Flips(Scales(whole, (0.5, 2.0)), ((3,), (2, 3)))


def test_a_mirrored_image_is_mirrored_the_way_its_name_says() -> None:
    model, images = pointwise_fcn(), noise(1, 4, 6)
    for flip, axis in (("vertical", 2), ("horizontal", 3)):
        model.backbone.seen.clear()
        seen: list[torch.Tensor] = []
        hook = model.backbone.register_forward_pre_hook(
            lambda _, inputs, seen=seen: seen.append(inputs[0])
        )
        build_inference(InferenceConfig(flips=(flip,)))(model, images)
        hook.remove()
        assert torch.equal(seen[1], seen[0].flip(axis))


@pytest.mark.parametrize(("overlap", "stride"), [(0.0, (769, 512)), (0.3333, (513, 341))])
def test_windows_are_as_far_apart_as_they_overlap(overlap: float, stride: tuple[int, int]) -> None:
    config = InferenceConfig(mode="slide", window=(769, 512), overlap=overlap, blend="flat")

    sliding = build_sliding_window(config)

    assert sliding.stride == stride
    assert torch.equal(sliding.weight, torch.ones(769, 512))


def test_sliding_looks_by_windows_also_at_views() -> None:
    model = pointwise_fcn()
    config = InferenceConfig(
        mode="slide", window=(32, 32), flips=("vertical",), scales=(1.0, 2.0), windows_per_batch=2
    )

    build_inference(config)(model, noise(1, 40, 50))

    assert set(model.backbone.seen) == {(2, 3, 32, 32), (2, 3, 64, 64)}


def test_probabilities_are_resized_to_each_file_without_padding() -> None:
    images = make_images()._replace(original_sizes=torch.tensor([[130, 194], [25, 140]]))
    ramp = torch.arange(97.0).expand(2, 3, 65, 97)

    first, second = to_original(ramp, images)

    assert first.shape == (1, 3, 130, 194)
    assert second.shape == (1, 3, 25, 140)
    inner = torch.arange(194.0)[1:-1] / 2 - 0.25
    torch.testing.assert_close(first[0, 0, 0, 1:-1], inner)
    assert second.max() == SIZES[1][1] - 1, "padding leaked in"


def test_files_that_were_not_resized_keep_their_probabilities() -> None:
    probabilities, images = torch.rand(2, 3, *SIZES[0]), make_images()

    for row, found, (height, width) in zip(
        probabilities, to_original(probabilities, images), SIZES, strict=True
    ):
        assert torch.equal(found[0], row[:, :height, :width])


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_image_is_labelled_as_the_model_does(kind: str) -> None:
    model, images = small_fcn(kind).eval(), make_images()

    labels = decide(model.task, whole(model, images))

    assert labels.dtype == torch.uint8
    assert torch.equal(labels, model.predict(images).labels)


def test_where_several_classes_are_likelier_than_not_all_of_them_are_there() -> None:
    probabilities = torch.tensor([0.0, 0.49999, 0.5, 0.50001, 1.0])[None, :, None, None]

    labels = decide(TASKS["multilabel"], probabilities)

    assert labels.flatten().tolist() == [0, 0, 0, 1, 1]


def test_probabilities_are_averaged_not_logits() -> None:
    """One view is very sure, three say otherwise: their probabilities win, their logits would not."""

    def views(model: object, images: Images) -> torch.Tensor:
        top = images.canvas[:, :1, :1, :1].float().expand_as(images.canvas[:, :1]) / 255
        return torch.cat((top, 1 - top), dim=1)

    canvas = torch.full((1, 3, 2, 2), 0.4 * 255)
    canvas[:, :, 0, 0] = 255.0
    sizes = torch.tensor([[2, 2]])
    images = Images(canvas, sizes, sizes)

    seen = Flips(views, ((2,), (3,), (2, 3)))(pointwise_fcn(), images)

    torch.testing.assert_close(seen[0, 0], torch.full((2, 2), (1 + 3 * 0.4) / 4))
