"""What every part of a kind must pass; the tests of each part call these."""

from copy import deepcopy
from math import ceil

import torch
from torch import Tensor

from backbones.base import Backbone


def check_backbone(backbone: Backbone, *, in_channels: int = 3) -> None:
    """A backbone keeps its declaration, images apart, frozen parameters still, and its state dict.

    The backbone is left as it was; run it with at least one parameter that is trained.
    """
    backbone = deepcopy(backbone).double()
    check_shapes(backbone, in_channels=in_channels)
    check_images_apart(backbone, in_channels=in_channels)
    check_gradients(backbone, in_channels=in_channels)
    check_round_trip(backbone, in_channels=in_channels)


def check_shapes(backbone: Backbone, *, in_channels: int) -> None:
    """Names, channels and strides are as declared, for sizes that no stride divides, too."""
    for height, width in ((64, 96), (65, 97), (33, 70)):
        maps = backbone.eval()(pixels(2, in_channels, height, width))
        assert list(maps) == list(backbone.features)
        for name, (channels, stride) in backbone.features.items():
            expected = (2, channels, ceil(height / stride), ceil(width / stride))
            assert maps[name].shape == expected, name


def check_images_apart(backbone: Backbone, *, in_channels: int) -> None:
    """A batch gives what its images give alone, and the input is not changed."""
    images = pixels(2, in_channels, 65, 64)
    before = images.clone()
    with torch.no_grad():
        together = backbone.eval()(images)
        alone = [backbone(image[None]) for image in images]
    for name, batch in together.items():
        singles = torch.cat([maps[name] for maps in alone])
        scale = float(singles.abs().max())
        torch.testing.assert_close(batch, singles, rtol=1e-9, atol=1e-9 * scale)
    assert torch.equal(images, before)


def check_gradients(backbone: Backbone, *, in_channels: int) -> None:
    """A loss in training reaches every parameter that is to be trained, and no frozen one."""
    backbone.zero_grad()
    maps = backbone.train()(pixels(2, in_channels, 64, 96))
    torch.autograd.backward(weighted_sum(maps))
    reached = {n for n, p in backbone.named_parameters() if p.grad is not None and p.grad.any()}
    trained = {n for n, p in backbone.named_parameters() if p.requires_grad}
    assert trained, "nothing to train"
    assert reached == trained


def check_round_trip(backbone: Backbone, *, in_channels: int) -> None:
    """The state dict holds all that the output depends on."""
    images = pixels(1, in_channels, 64, 64)
    other = deepcopy(backbone)
    with torch.no_grad():
        for tensor in other.state_dict().values():
            tensor.add_(1)
    expected = backbone.eval()(images)
    assert not all(torch.equal(other.eval()(images)[n], expected[n]) for n in expected)
    other.load_state_dict(backbone.state_dict())
    assert all(torch.equal(other(images)[n], expected[n]) for n in expected)


def weighted_sum(maps: dict[str, Tensor]) -> Tensor:
    """A scalar that depends on every cell; a plain sum would not move the weight before a norm."""
    generator = torch.Generator().manual_seed(1)
    total = torch.zeros((), dtype=torch.float64)
    for x in maps.values():
        total = total + (x * torch.randn(x.shape, generator=generator, dtype=x.dtype)).sum()
    return total


def pixels(*shape: int) -> Tensor:
    """Normal float64 noise of this shape (B, C, H, W), always the same."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
