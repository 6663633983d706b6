"""Normalisation against the formula, padding, and what it carries."""

import pytest
import torch
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from backbones.pixels import PixelNorm
from lumbar.ops.structures import Images

IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def images(*, channels: int = 3, dtype: torch.dtype = torch.uint8) -> Images:
    generator = torch.Generator().manual_seed(0)
    canvas = torch.randint(0, 256, (2, channels, 12, 16), generator=generator).to(dtype)
    sizes = torch.tensor([[12, 10], [7, 16]])
    return Images(canvas, sizes, sizes)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_equals_torchvision_inside_the_images(dtype: torch.dtype) -> None:
    batch = images(dtype=dtype)
    normalised = PixelNorm.of_imagenet()(batch)
    theirs = GeneralizedRCNNTransform(1, 1, *IMAGENET).normalize
    for x, canvas, (height, width) in zip(normalised, batch.canvas, batch.sizes, strict=True):
        wanted = theirs(canvas.float() / 255)
        torch.testing.assert_close(
            x[:, :height, :width], wanted[:, :height, :width], rtol=1e-5, atol=1e-5
        )


def test_padding_is_zero_whatever_the_canvas_holds() -> None:
    for x, (height, width) in zip(PixelNorm.of_imagenet()(images()), images().sizes, strict=True):
        assert not x[:, height:].any()
        assert not x[:, :, width:].any()
        assert x[:, height - 1].any()
        assert x[:, :, width - 1].any()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_the_buffers_decide_the_dtype_and_the_canvas_is_not_changed(dtype: torch.dtype) -> None:
    batch = images(dtype=dtype)
    before = batch.canvas.clone()
    assert PixelNorm.of_imagenet()(batch).dtype == torch.float32
    assert PixelNorm.of_imagenet().double()(batch).dtype == torch.float64
    assert torch.equal(batch.canvas, before)


def test_the_memory_format_is_kept() -> None:
    batch = images()
    canvas = batch.canvas.contiguous(memory_format=torch.channels_last)
    x = PixelNorm.of_imagenet()(batch._replace(canvas=canvas))
    assert x.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_other_channels_get_the_grey_averages(channels: int) -> None:
    norm = PixelNorm.of_imagenet(channels)
    for ours, rgb in ((norm.mean, IMAGENET[0]), (norm.std, IMAGENET[1])):
        torch.testing.assert_close(ours, torch.full((channels,), 255 * sum(rgb) / 3))
    assert norm(images(channels=channels)).shape == (2, channels, 12, 16)


def test_statistics_travel_in_the_state_dict() -> None:
    mine, batch = PixelNorm([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), images()
    assert list(mine.state_dict()) == ["mean", "std"]
    other = PixelNorm.of_imagenet()
    other.load_state_dict(mine.state_dict())
    assert torch.equal(other(batch), mine(batch))


def test_compiles_as_one_graph() -> None:
    norm, batch = PixelNorm.of_imagenet(), images()
    compiled = torch.compile(norm, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(batch), norm(batch))
