"""Classifiers of other zoos give the logits that they give there, and classes have names."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from backbones.files import WeightsFile
from classification.classifier import Classifier
from classification.zoo import PUBLISHED_CLASSIFIERS, translate_classifier
from lumbar.ops.structures import Images

MAKERS: dict[str, Callable[..., nn.Module]] = {
    "resnet18": torchvision.models.resnet18,
    "resnext50_32x4d": torchvision.models.resnext50_32x4d,
    "resnet18d": partial(timm.create_model, "resnet18d"),
}


def alive(net: nn.Module) -> nn.Module:
    """With statistics that nothing can ignore, for one pass over an image."""
    for name, value in net.state_dict().items():
        if "running_mean" in name:
            value.normal_(std=0.3)
        elif "running_var" in name:
            value.uniform_(0.5, 2)
    return net.eval()


def logits(classifier: Classifier, images: Images) -> Tensor:
    with torch.no_grad():
        found: Tensor = classifier.model.fc(classifier.model.embed(images))
    return found


def photo() -> tuple[Images, Tensor]:
    """A batch as classifiers take it, and normalised as torchvision and timm do it."""
    canvas = torch.randint(256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    sizes = torch.full((2, 2), 64)
    mean, std = (
        torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    return Images(canvas.to(torch.uint8), sizes, sizes), (canvas / 255 - mean) / std


@pytest.mark.parametrize("name", MAKERS)
def test_logits_are_those_of_the_zoo(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = alive(MAKERS[name](num_classes=7))
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "net.pth")

    classifier = Classifier.load(tmp_path / "net.pth")

    images, normalised = photo()
    with torch.no_grad():
        wanted = theirs(normalised)
    torch.testing.assert_close(logits(classifier, images), wanted, rtol=1e-4, atol=1e-4)
    assert classifier.config.model.backbone.name == name
    assert classifier.class_names == tuple(f"class {label}" for label in range(7))


def test_the_layer_of_preactivated_networks_is_a_convolution_there() -> None:
    with torch.device("meta"):
        state = timm.create_model("resnetv2_50", num_classes=5).state_dict()
    rows = torch.randn(5, 2048, 1, 1)
    state = {name: torch.zeros(value.shape) for name, value in state.items()}

    found = translate_classifier(WeightsFile(state | {"head.fc.weight": rows}, {}), "net.pth")

    assert found.config.model.backbone.name == "preresnet50"
    assert torch.equal(found.translation.state["fc.weight"], rows.flatten(1))
    assert "head.fc" not in str(found.translation)


def random_state(num_classes: int, **changes: Tensor) -> dict[str, Tensor]:
    with torch.device("meta"):
        state = torchvision.models.resnet18(num_classes=num_classes).state_dict()
    return {name: torch.zeros(value.shape) for name, value in state.items()} | changes


def test_a_thousand_classes_are_those_of_imagenet_in_the_frame_of_the_weights() -> None:
    found = translate_classifier(WeightsFile(random_state(1000), {}), "torchvision/resnet50")

    assert len({*found.class_names}) == 1000
    assert found.class_names[281:284] == ("tabby", "tiger cat", "Persian cat")
    frame = found.config.data.frame
    assert (frame.rule, frame.test_resize, frame.test_size) == ("pil", 232, 224)


def test_names_are_those_of_torchvision_with_or_without_a_version() -> None:
    newest = PUBLISHED_CLASSIFIERS["torchvision/resnet50"]
    assert newest is torchvision.models.ResNet50_Weights.DEFAULT
    assert newest is PUBLISHED_CLASSIFIERS["torchvision/resnet50.v2"]
    assert not any("vgg" in name for name in PUBLISHED_CLASSIFIERS)


def test_a_body_alone_classifies_nothing() -> None:
    body = {name: value for name, value in random_state(2).items() if "fc" not in name}

    with pytest.raises(
        ValueError, match=r"x\.pth: resnet18 without one linear.* by model\.backbone\.weights"
    ):
        translate_classifier(WeightsFile(body, {}), "x.pth")


def test_rows_for_other_features_are_told() -> None:
    state = random_state(2, **{"fc.weight": torch.zeros(2, 100)})

    with pytest.raises(ValueError, match=r"not a resnet18 with 2 classes; .*\(2, 100\) and not"):
        translate_classifier(WeightsFile(state, {}), "x.pth")
