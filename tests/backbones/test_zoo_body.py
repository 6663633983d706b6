"""Networks of other zoos compute here what they computed there."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor

from backbones.catalogue import ARCHS
from backbones.files import WeightsFile
from backbones.norm import FrozenNorm
from backbones.pickles import read_pickle
from backbones.pixels import PixelNorm
from backbones.resnet import ResNet
from backbones.vgg import VGGS
from backbones.weights import backbone_part
from backbones.zoo import Style
from backbones.zoo_body import ZooBody, find_arch, translate_body
from lumbar.ops.structures import Images
from tests.backbones.zoo_files import (
    State,
    as_arrays,
    caffe2_name,
    detectron2_name,
    random_resnet,
    renamed,
    write_pickle,
)

STATISTICS = ("_bn_rm", "_bn_riv")


@pytest.fixture(scope="module")
def caffe2_state() -> State:
    """ResNet-50 as its authors published it."""
    state = renamed(random_resnet("resnet50"), caffe2_name)
    return state | {"conv1_b": torch.linspace(-1, 1, 64)}


@pytest.fixture(scope="module")
def resnet18() -> State:
    return random_resnet("resnet18")


def by_hand(blobs: State, image: Tensor) -> list[Tensor]:
    """Caffe's ResNet-50: maps of an RGB image (1, 3, H, W), in float64."""
    blobs = {name: value.double() for name, value in blobs.items()}

    def layer(x: Tensor, name: str, stride: int, padding: int, *, norm: str = "") -> Tensor:
        norm = norm or f"{name}_bn"
        x = F.conv2d(x, blobs[f"{name}_w"], blobs.get(f"{name}_b"), stride, padding)
        scale, shift = (blobs[f"{norm}_{which}"][:, None, None] for which in "sb")
        if f"{norm}_rm" in blobs:
            x = x - blobs[f"{norm}_rm"][:, None, None]
            x = x / (blobs[f"{norm}_riv"][:, None, None] + 1e-5).sqrt()
        return x * scale + shift

    mean = torch.tensor([103.53, 116.28, 123.675], dtype=torch.float64)
    x = image.double()[:, [2, 1, 0]] - mean[:, None, None]
    x = F.max_pool2d(layer(x, "conv1", 2, 3, norm="res_conv1_bn").relu(), 3, 2, 1)
    maps = []
    for stage, depth in {2: 3, 3: 4, 4: 6, 5: 3}.items():
        for unit in range(depth):
            name, stride = f"res{stage}_{unit}_branch", 2 if unit == 0 and stage > 2 else 1
            branch = layer(x, f"{name}2a", stride, 0).relu()
            branch = layer(branch, f"{name}2b", 1, 1).relu()
            branch = layer(branch, f"{name}2c", 1, 0)
            x = (branch + (layer(x, f"{name}1", stride, 0) if unit == 0 else x)).relu()
        maps.append(x)
    return maps


def by_us(body: ZooBody, image: Tensor) -> list[Tensor]:
    """Our network behind our normalisation, in float64."""
    network = ResNet(ARCHS[body.arch], norm=FrozenNorm)
    network.load_state_dict(body.translation.state)
    size = torch.tensor([image.shape[-2:]])
    with torch.no_grad():
        pixels = PixelNorm.of_imagenet().double()(Images(image, size, size))
        return list(network.double()(pixels).values())


def image() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (1, 3, 64, 96), generator=generator, dtype=torch.uint8)


def difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """The largest, as a part of the largest value of its map."""
    pairs = zip(ours, theirs, strict=True)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def test_the_authors_network_computes_the_same(tmp_path: Path, caffe2_state: State) -> None:
    path = write_pickle(tmp_path / "R-50.pkl", as_arrays(caffe2_state), 2)

    body = translate_body(read_pickle(path), str(path))

    assert body.arch == "resnet50_v1"
    assert difference(by_us(body, image()), by_hand(caffe2_state, image())) < 1e-6
    notes = body.translation.notes
    assert notes["left out, classifier"] == ("fc1000_w", "fc1000_b")
    assert notes["folded, BGR to RGB and times the deviation"] == ("conv1.weight",)
    assert notes["left out, folded into the mean"] == ("conv1_b",)


def test_the_older_files_with_affine_norms_compute_the_same(caffe2_state: State) -> None:
    affine = {k: v for k, v in caffe2_state.items() if not k.endswith(STATISTICS)}

    body = translate_body(WeightsFile(affine, {}), "R-50.pkl")

    assert difference(by_us(body, image()), by_hand(affine, image())) < 1e-6
    assert len(body.translation.notes["statistics of affine norms"]) == 2 * 53


def test_the_wrong_style_computes_something_else(caffe2_state: State) -> None:
    body = translate_body(WeightsFile(caffe2_state, {}), "R-50.pkl")
    theirs = by_hand(caffe2_state, image())
    pytorch = translate_body(WeightsFile(caffe2_state, {}), "R-50.pkl", "pytorch")

    assert pytorch.arch == "resnet50"
    for wrong in (pytorch, body._replace(arch="resnet50"), pytorch._replace(arch="resnet50_v1")):
        assert difference(by_us(wrong, image()), theirs) > 1e-2


@pytest.mark.parametrize(
    ("write", "notes", "style"),
    [
        (str, {}, "pytorch"),
        ("backbone.{}".format, {}, "pytorch"),
        ("backbone.{}".format, {"meta": {"cfg": "backbone=dict(style='caffe')"}}, "caffe"),
        ("backbone.{}".format, {"meta": {"config": "{'style': 'caffe'}"}}, "caffe"),
        (detectron2_name, {"__author__": "torchvision"}, "pytorch"),
        (detectron2_name, {"__author__": "Caffe2"}, "caffe"),
        (caffe2_name, {}, "caffe"),
    ],
)
def test_the_style_is_what_the_file_says_or_what_is_usual(
    resnet18: State, write: Any, notes: dict[str, object], style: str
) -> None:
    body = {name: value for name, value in resnet18.items() if not name.startswith("fc.")}

    arch, translation = translate_body(WeightsFile(renamed(body, write), notes), "file")

    assert arch == "resnet18"
    std = torch.tensor([58.395, 57.12, 57.375])[:, None, None]
    folded = body["conv1.weight"].flip(1) * std
    expected = {**body, "conv1.weight": folded} if style == "caffe" else body
    for name, value in translation.state.items():
        torch.testing.assert_close(value, expected[name])
    assert any(note.startswith(f"{style} style") for note in translation.notes)
    assert ("as the file says" in str(translation)) == ("meta" in notes or "torch" in str(notes))


def test_what_was_asked_for_wins(resnet18: State) -> None:
    file = WeightsFile(renamed(resnet18, detectron2_name), {"__author__": "torchvision"})

    translation = translate_body(file, "file", "caffe").translation

    assert "caffe style" in str(translation)
    assert "as asked for" in str(translation)


def test_group_norms_stay_what_they_are(resnet18: State) -> None:
    grouped = {name: value for name, value in resnet18.items() if "running_" not in name}

    arch, translation = translate_body(WeightsFile(grouped, {}), "file.pth")

    assert arch == "resnet18"
    assert "bn1.weight" in translation.state
    assert "bn1.running_mean" not in translation.state


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"conv1.weight": torch.ones(64, 4, 7, 7)}, r"no conv1\.weight for three colours"),
        (
            {"layer2.0.conv1.weight": torch.ones(64, 128, 3, 3)},
            r"\(64, 128, 3, 3\) and not \(128, 64",
        ),
        (
            {"layer2.2.conv1.weight": torch.ones(1)},
            r"no known network has \(2, 3, 2, 2\) units of 2",
        ),
        ({"classifier.weight": torch.ones(1)}, "1 without a place there: classifier.weight"),
    ],
)
def test_other_networks_are_named(resnet18: State, change: State, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"^file\.pth: .*{problem}"):
        translate_body(WeightsFile(resnet18 | change, {}), "file.pth", "caffe")


TWINS = {
    "plain18": "resnet18_option_a",
    "plain34": "resnet34_option_a",
    "resnet50_ws": "resnet50",
    "resnet101_ws": "resnet101",
    "preresnet50_ws": "preresnet50",
    "preresnet101_ws": "preresnet101",
    "resnetblur18": "resnet18",
    "resnetblur50": "resnet50",
    **{f"cifar_plain{depth}": f"cifar_resnet{depth}" for depth in (20, 32, 44, 56, 110)},
}
"""Networks with the same tensors as an earlier one."""


@pytest.mark.parametrize("name", [name for name in ARCHS if not name.endswith(("1001", "1202"))])
def test_every_network_is_known_by_its_units(name: str) -> None:
    with torch.device("meta"):
        state = ResNet(ARCHS[name]).state_dict()

    style: Style = "caffe" if name.endswith("_v1") else "pytorch"
    inside = {f"body.{key}": value for key, value in state.items()}
    found = find_arch(inside, style, "file", prefix="body.")

    assert found == TWINS.get(name, name)


def test_caffe_pixels_do_not_move_a_stride_that_has_no_other_place() -> None:
    """detectron2's X-101-32x8d."""
    with torch.device("meta"):
        state = ResNet(ARCHS["resnext101_32x8d"]).state_dict()

    assert find_arch(state, "caffe", "X-101-32x8d.pkl") == "resnext101_32x8d"


def test_radimagenet_is_torchvisions_network_for_other_pixels(resnet18: State) -> None:
    """Its authors save the children of torchvision's network by number, for pixels between -1 and 1."""
    places = (("conv1", 0), ("bn1", 1), *((f"layer{n}", n + 3) for n in range(1, 5)))
    children = dict(places)
    theirs = {
        f"backbone.{children[name.partition('.')[0]]}.{name.partition('.')[2]}": value.double()
        for name, value in resnet18.items()
        if not name.startswith("fc.")
    }

    body = translate_body(WeightsFile(theirs, {}), "ResNet18.pt")

    assert body.arch == "resnet18"
    assert "symmetric style" in str(body.translation)
    network = ResNet(ARCHS["resnet18"]).double().eval()
    network.load_state_dict({n: v.double() for n, v in resnet18.items() if n[:3] != "fc."})
    pixels = image().double()
    with torch.no_grad():
        wanted = network.bn1(network.conv1(pixels / 127.5 - 1))
        ours = ResNet(ARCHS["resnet18"]).double().eval()
        ours.load_state_dict(body.translation.state)
        size = torch.tensor([pixels.shape[-2:]])
        normalised = PixelNorm.of_imagenet().double()(Images(pixels, size, size))
        found = ours.bn1(ours.conv1(normalised))
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(found[inner], wanted[inner], rtol=1e-5, atol=1e-5)


def test_pixels_that_no_norm_can_take_up_are_refused(resnet18: State) -> None:
    grouped = {name: value for name, value in resnet18.items() if "running_" not in name}
    with pytest.raises(ValueError, match=r"pixels from -1 to 1, and no norm with statistics"):
        translate_body(WeightsFile(grouped, {}), "file.pth", "symmetric")


@pytest.mark.parametrize("name", VGGS)
def test_vgg_is_known_by_its_last_layer(name: str) -> None:
    with torch.device("meta"):
        theirs = torchvision.models.get_model(name).state_dict()

    body = translate_body(WeightsFile(theirs, {}), "file.pth")

    assert body.arch == name
    assert len(body.translation.notes["left out, classifier"]) == 6


@pytest.mark.parametrize("name", ["resnet50c", "resnet50d", "seresnet50"])
def test_mmpretrains_names_for_stems_gates_and_averages(name: str) -> None:
    """Written down by hand: `stem.N.conv` and `bn`, `se_layer.convN.conv`, and no average in the first stage."""
    with torch.device("meta"):
        state = ResNet(ARCHS[name]).state_dict()
    ours = {key: value for key, value in state.items() if "num_batches" not in key}
    theirs = {}
    for key, value in ours.items():
        new = re.sub(r"^conv1\.([036])\.", lambda m: f"stem.{int(m[1]) // 3}.conv.", key)
        new = re.sub(r"^conv1\.([14])\.", lambda m: f"stem.{int(m[1]) // 3}.bn.", new)
        new = re.sub(r"^bn1\.", "stem.2.bn.", new) if "conv1.0.weight" in ours else new
        new = re.sub(r"\.se\.fc(\d)\.", r".se_layer.conv\1.conv.", new)
        if name.endswith("d"):
            new = re.sub(r"^layer1\.0\.downsample\.1", "layer1.0.downsample.0", new)
            new = re.sub(r"^layer1\.0\.downsample\.2", "layer1.0.downsample.1", new)
        theirs[f"backbone.{new}"] = value

    body = translate_body(WeightsFile(theirs | {"head.fc.weight": torch.ones(1)}, {}), "file.pth")

    assert body.arch == name
    assert all(body.translation.state[key] is value for key, value in ours.items())
    assert backbone_part(dict(theirs)).keys() == ours.keys()
