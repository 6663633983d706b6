"""torchvision's FCN, loaded from its file as users load it, computes what it computes there, in float64."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from backbones.pixels import PixelNorm
from lumbar.ops.structures import Images
from segmentation.build import make_segmenter
from segmentation.fcn import FCN
from segmentation.heads import resize
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy
from segmentation.weights import load_segmenter

NUM_CLASSES = 21


class Pair(NamedTuple):
    """torchvision's network and ours with its weights."""

    theirs: nn.Module
    ours: FCN


@pytest.fixture(
    scope="module",
    params=["fcn_resnet50", pytest.param("fcn_resnet101", marks=pytest.mark.slow)],
)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    torch.set_default_dtype(torch.float64)
    try:
        yield make_pair(request.param, tmp_path_factory.mktemp("weights") / "fcn.pth")
    finally:
        torch.set_default_dtype(torch.float32)


def make_pair(name: str, path: Path, *, channels: int = 3) -> Pair:
    """Theirs with random weights, and ours from the file that theirs is saved in."""
    torch.manual_seed(0)
    theirs = get_model(
        name, weights=None, weights_backbone=None, num_classes=NUM_CLASSES, aux_loss=True
    )
    if channels != 3:
        theirs.backbone.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
    torch.save(calibrated(theirs, channels).state_dict(), path)
    state, config, classes = load_segmenter(str(path))
    task = TASKS[config.task]
    ours = make_segmenter(config.model, len(classes), task=task, loss=CrossEntropy(task))
    ours.load_state_dict(state)
    path.unlink()
    return Pair(theirs, ours.eval())


@torch.no_grad()
def calibrated(theirs: nn.Module, channels: int) -> nn.Module:
    """Random affines, and statistics of noise: as in a trained network, no layer's values grow large or vanish."""
    for norm in (module for module in theirs.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.2)
        norm.momentum = 1.0
    theirs.train()(torch.randn(2, channels, 48, 48))
    return theirs.eval()


def make_input(size: tuple[int, int], channels: int = 3) -> tuple[Tensor, Images]:
    """The same noise, normalised for torchvision and as it is for us."""
    canvas = torch.randint(256, (1, channels, *size)).double()
    pixels, sizes = PixelNorm.of_imagenet(channels), torch.tensor([size])
    mean, std = pixels.mean[:, None, None], pixels.std[:, None, None]
    return (canvas - mean) / std, Images(canvas, sizes, sizes)


@pytest.mark.parametrize("size", [(32, 64), (49, 65), (33, 90), (7, 41)])
def test_logits_are_equal(pair: Pair, size: tuple[int, int]) -> None:
    assert_equal(pair, *make_input(size))


def test_logits_for_other_channels_are_equal(tmp_path: Path) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        pair = make_pair("fcn_resnet50", tmp_path / "fcn.pth", channels=5)
        assert_equal(pair, *make_input((33, 47), 5))
    finally:
        torch.set_default_dtype(torch.float32)


@torch.no_grad()
def assert_equal(pair: Pair, normalised: Tensor, images: Images) -> None:
    """Logits and auxiliary logits of the same image, normalised for theirs."""
    expected = pair.theirs(normalised)
    aux = pair.ours.get_submodule("aux_classifier")(pair.ours.dense(images).features)

    assert expected["out"].std() > 0.01
    assert expected["aux"].std() > 0.01
    torch.testing.assert_close(pair.ours.logits(images), expected["out"], rtol=0, atol=1e-9)
    aux = resize(aux, images.canvas.shape[-2:])
    torch.testing.assert_close(aux, expected["aux"], rtol=0, atol=1e-9)


def test_an_image_on_a_larger_canvas_is_padded_as_theirs_would_be(pair: Pair) -> None:
    """By zeros behind the normalisation, whatever stands there before it."""
    normalised, images = make_input((40, 64))
    normalised[..., 33:, :] = normalised[..., 50:] = 0

    with torch.no_grad():
        expected = pair.theirs(normalised)["out"]

    actual = pair.ours.logits(images._replace(sizes=torch.tensor([[33, 50]])))
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-9)


def test_losses_and_gradients_are_equal(pair: Pair) -> None:
    normalised, images = make_input((25, 32))
    labels = torch.randint(NUM_CLASSES, (1, 25, 32))

    expected = pair.theirs(normalised)
    losses = pair.ours.losses(images, labels)
    values = [nn.functional.cross_entropy(expected[name], labels) for name in ("out", "aux")]

    torch.testing.assert_close(losses["loss/main"], values[0], rtol=0, atol=1e-9)
    torch.testing.assert_close(losses["loss/aux"], values[1] * 0.5, rtol=0, atol=1e-9)
    (values[0] + 0.5 * values[1]).backward()
    (losses["loss/main"] + losses["loss/aux"]).backward()
    gradients = {name: parameter.grad for name, parameter in pair.theirs.named_parameters()}
    for name, parameter in pair.ours.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=0, atol=1e-9)
