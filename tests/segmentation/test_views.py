"""Mirrored and resized views show the same image: what they agree on stays, and padding never takes part."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmarks.waits import count_syncs
from lumbar.ops.structures import Images
from segmentation.fcn import FCN
from segmentation.views import Flips, Inference, Scales, mirrored, whole
from tests.segmentation.pointwise import noise, pointwise_fcn
from tests.segmentation.small_fcn import SIZES, make_images, small_fcn

ALL_FLIPS = ((2,), (3,), (2, 3))
VIEWS: dict[str, Inference] = {
    "flips": Flips(whole, ALL_FLIPS),
    "scales": Scales(whole, (0.5, 1.0, 1.7)),
    "both": Flips(Scales(whole, (0.8, 1.25)), ((3,),)),
}

in_all_views = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)


def colours(model: FCN, images: Images) -> Tensor:
    """Takes the pixels themselves for probabilities."""
    return images.canvas.float() / 255


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=3))
def test_mirrored_twice_is_the_image(sizes: list[tuple[int, int]]) -> None:
    x = torch.randn(len(sizes), 2, 9, 9)
    for axis in (2, 3):
        turned = mirrored(x, torch.tensor(sizes), axis)

        assert torch.equal(mirrored(turned, torch.tensor(sizes), axis), x)
        for row, image, size in zip(turned, x, sizes, strict=True):
            end = size[axis - 2]
            assert torch.equal(
                row.narrow(axis - 1, 0, end), image.narrow(axis - 1, 0, end).flip(axis - 1)
            )
            assert torch.equal(
                row.narrow(axis - 1, end, 9 - end), image.narrow(axis - 1, end, 9 - end)
            )


def test_an_image_is_looked_at_as_it_is() -> None:
    model, images = small_fcn("plain").eval(), make_images()

    assert torch.equal(whole(model, images), model.logits(images).softmax(1))


def test_flips_of_a_model_of_pixels_change_nothing() -> None:
    model, images = pointwise_fcn(), noise(2, 16, 32)

    assert torch.equal(Flips(colours, ALL_FLIPS)(model, images), colours(model, images))
    torch.testing.assert_close(VIEWS["flips"](model, images), whole(model, images))


def test_flips_are_the_mean_of_the_mirrored_views() -> None:
    model, images = small_fcn("plain").eval(), noise(1, 40, 60)
    views = [
        whole(model, images._replace(canvas=images.canvas.flip(axes))).flip(axes)
        for axes in ((), *ALL_FLIPS)
    ]

    torch.testing.assert_close(VIEWS["flips"](model, images), torch.stack(views).mean(0))


def test_the_mirror_image_has_the_mirrored_probabilities() -> None:
    model, images = small_fcn("pyramid").eval(), make_images()
    turned = images._replace(canvas=mirrored(images.canvas, images.sizes, 3))

    seen, turned_seen = (VIEWS["flips"](model, each) for each in (images, turned))

    torch.testing.assert_close(turned_seen[0].flip(2), seen[0])
    assert not torch.allclose(whole(model, turned)[0].flip(2), seen[0], atol=1e-3)


def test_the_size_itself_is_a_scale_that_changes_nothing() -> None:
    model, images = small_fcn("plain").eval(), make_images()

    same = Scales(whole, (1.0, 1.0))(model, images)

    for row, (height, width) in enumerate(SIZES):
        rows = slice(height), slice(width)
        assert torch.equal(same[row][:, *rows], whole(model, images)[row][:, *rows])


@settings(max_examples=30)
@given(st.lists(st.floats(0.2, 3), min_size=1, max_size=3).map(tuple))
def test_scales_keep_a_ramp_where_it_is_and_let_no_padding_in(scales: tuple[float, ...]) -> None:
    images = make_images()
    ramp = torch.linspace(50, 200, 97).expand(2, 3, 65, 97).clone()
    ramp[1, :, SIZES[1][0] :], ramp[1, :, :, SIZES[1][1] :] = 0, 0

    seen = Scales(colours, scales)(pointwise_fcn(), images._replace(canvas=ramp))

    rough = 150 / 96 / 255 / min(1.0, *scales)  # the ramp over one pixel of the smallest scale
    height, width = SIZES[1]
    difference = (seen - ramp / 255)[1, :, :height, :width].abs().max()
    assert difference <= rough


@pytest.mark.parametrize("scale", [0.3, 0.5, 1.3, 2.0])
def test_what_is_made_of_padding_does_not_leak_into_images(scale: float) -> None:
    def inside(model: FCN, images: Images) -> Tensor:
        places = torch.arange(images.canvas.shape[3])
        return (places < images.sizes[:, 1, None]).float()[:, None, None].expand_as(images.canvas)

    seen = Scales(inside, (scale,))(pointwise_fcn(), make_images())

    assert seen[0].min() == pytest.approx(1)
    assert seen[1, :, :, : SIZES[1][1]].min() == pytest.approx(1)


def test_smaller_views_average_what_they_cannot_show() -> None:
    images = noise(1, 40, 60)
    canvas = torch.zeros_like(images.canvas)
    canvas[..., ::2] = 255

    seen = Scales(colours, (0.25,))(pointwise_fcn(), images._replace(canvas=canvas))

    assert (seen - 0.5).abs()[..., 4:-4].max() < 0.1


def test_scales_are_looked_at_in_their_sizes() -> None:
    model, images = pointwise_fcn(), noise(1, 40, 60)

    VIEWS["scales"](model, images)

    assert model.backbone.seen == [(1, 3, 20, 30), (1, 3, 40, 60), (1, 3, 68, 102)]


@in_all_views
def test_pixels_outside_the_images_do_not_matter(view: Inference) -> None:
    model, images = small_fcn("pyramid").eval(), make_images()
    canvas = images.canvas.clone()
    canvas[1, :, SIZES[1][0] :], canvas[1, :, :, SIZES[1][1] :] = 200.0, torch.nan

    height, width = SIZES[1]
    seen, garbage = (
        view(model, each)[1, :, :height, :width]
        for each in (images, images._replace(canvas=canvas))
    )

    assert torch.equal(seen, garbage)


@in_all_views
def test_views_of_windows_that_show_nothing_are_harmless(view: Inference) -> None:
    images = make_images()._replace(sizes=torch.tensor([[0, 0], [65, 97]]))

    seen = view(small_fcn("plain").eval(), images)

    assert seen[1].isfinite().all()


@in_all_views
def test_no_view_waits_and_all_are_made_on_the_device_of_the_images(view: Inference) -> None:
    model, images = small_fcn("plain").eval(), make_images()
    assert count_syncs(lambda: view(model, images)) == {}

    seen = view(model.to("meta"), Images(*(field.to("meta") for field in images)))
    assert seen.device.type == "meta"


@in_all_views
def test_views_leave_the_images_as_they_were(view: Inference) -> None:
    images = noise(1, 20, 30)
    before = images.canvas.clone()

    seen = view(small_fcn("plain").eval(), images)

    assert torch.equal(images.canvas, before)
    torch.testing.assert_close(seen.sum(1), torch.ones_like(seen[:, 0]))
