"""Files as they are found, what fits where, and what is said when something does not."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from backbones.input_channels import INPUT_RULES, refit_stem
from backbones.torchvision_layout import NETWORKS
from backbones.weights import (
    PUBLISHED,
    backbone_part,
    fetch_backbone,
    load_into,
    read_backbone,
)


def network(*, in_channels: int = 3, width: int = 4) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, width, 3, bias=False), nn.BatchNorm2d(width), nn.Conv2d(width, 2, 1)
    )


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """Its state dict with other values than any new module has."""
    return {key: torch.rand(value.shape) + 2 for key, value in module.state_dict().items()}


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in theirs)


def test_everything_that_fits_is_loaded() -> None:
    module = network()
    state = state_of(module) | {"1.num_batches_tracked": torch.tensor(7)}
    report = load_into(module, state, source="here")
    assert same(dict(module.state_dict()), state)
    assert set(report.loaded) == state.keys() - {"1.num_batches_tracked"}
    assert (report.reinitialised, report.unused, report.reshaped) == ((), (), ())
    assert str(report) == "here: 7 tensors loaded"


def test_what_does_not_fit_keeps_its_initial_value_and_is_reported() -> None:
    module = network()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    state = state_of(module) | {"2.weight": torch.zeros(3, 4, 1, 1), "fc.bias": torch.zeros(2)}
    del state["1.bias"]
    report = load_into(module, state, source="file")
    assert report.reinitialised == ("1.bias", "2.weight")
    assert report.unused == ("2.weight", "fc.bias")
    after = module.state_dict()
    assert torch.equal(after["1.bias"], before["1.bias"])
    assert torch.equal(after["2.weight"], before["2.weight"])
    assert torch.equal(after["0.weight"], state["0.weight"])
    assert "reinitialised 2: 1.bias, 2.weight" in str(report)
    assert "unused 2: 2.weight, fc.bias" in str(report)


def test_weights_of_another_network_change_nothing() -> None:
    module = network()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(
        ValueError, match=r"other\.pth: weights of another network, 1 of 7"
    ) as error:
        load_into(module, state_of(network(width=5)), source="other.pth")
    assert "0.weight" in str(error.value)
    assert same(dict(module.state_dict()), before)


@pytest.mark.parametrize("rule", ["fold", "timm"])
def test_the_stem_is_adapted_to_the_image_and_reported(rule: str) -> None:
    colour, grey = (
        nn.ModuleDict({"conv1": nn.Conv2d(c, 4, 7, bias=False), "bn1": nn.BatchNorm2d(4)})
        for c in (3, 1)
    )
    state = state_of(colour) | {"bn1.num_batches_tracked": torch.tensor(7)}
    report = load_into(grey, state, source="rgb", input_rule=rule)
    assert (report.reinitialised, report.unused) == ((), ())
    assert report.reshaped == ("conv1.weight", "bn1.running_mean")[: 1 if rule == "timm" else 2]
    wanted = refit_stem(state, grey.state_dict(), INPUT_RULES[rule])
    assert same(dict(grey.state_dict()), {**state, **wanted})


@pytest.mark.parametrize("prefix", ["", "backbone.", "backbone.body.", "model.backbone.body."])
def test_a_backbone_is_found_inside_a_detector(prefix: str) -> None:
    state = state_of(network())
    detector = {f"{prefix}{key}": value for key, value in state.items()}
    rest = {"rpn.head.weight": torch.zeros(1), "backbone.fpn.weight": torch.zeros(1)}
    found = backbone_part(detector | (rest if prefix.endswith("body.") else {}))
    assert same(found, state)


def saved(folder: Path, state: dict[str, Tensor], arch: str) -> Path:
    save_file(state, folder / "backbone.safetensors", {"arch": arch})
    return folder / "backbone.safetensors"


def test_a_backbone_is_read_for_its_network(tmp_path: Path) -> None:
    state = state_of(network())
    inside = {f"backbone.body.{key}": value for key, value in state.items()}
    assert same(read_backbone(saved(tmp_path, inside, "resnet18"), "resnet18"), state)


def test_a_file_that_says_what_network_it_is_of_goes_into_no_other(tmp_path: Path) -> None:
    path = saved(tmp_path, state_of(network()), "resnet50_v1")
    with pytest.raises(
        ValueError, match=r"resnet50_v1 do not fit.*set model\.backbone\.name=resnet50_v1$"
    ):
        read_backbone(path, "resnet50")


@pytest.mark.parametrize(
    "content",
    [
        {"model": {"res2.0.conv1.weight": torch.ones(1)}},
        {"model": {"backbone.bottom_up.res2.0.conv1.weight": torch.ones(1)}},
        {"backbone.4.0.conv1.weight": torch.ones(1)},
        {"stages.0.blocks.0.norm1.weight": torch.ones(1)},
        {"state_dict": {"conv1.weight": torch.ones(1)}, "meta": {"config": "style='caffe'"}},
    ],
)
def test_what_would_mean_something_else_has_to_be_converted(
    tmp_path: Path, content: dict[str, object]
) -> None:
    torch.save(content, tmp_path / "zoo.pth")
    with pytest.raises(ValueError, match=r"run python tools/convert_weights\.py \S+zoo\.pth OUT"):
        read_backbone(tmp_path / "zoo.pth", "resnet50")


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, whose folder this is, and a proxy at a port where nobody listens."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    return tmp_path / "hub" / "checkpoints"


def test_offline_it_says_what_is_missing_where_and_what_else(offline: Path) -> None:
    with pytest.raises(ValueError, match="is not there") as error:
        fetch_backbone("torchvision/resnet50.v2")
    for part in (
        "model.backbone.weights=torchvision/resnet50.v2",
        str(offline / "resnet50-11ad3fa6.pth"),
        "https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
        "model.backbone.weights=FILE",
        "model.backbone.weights=none and model.backbone.norm=group (or batch)",
    ):
        assert part in str(error.value)


def test_a_cached_file_needs_no_network(offline: Path) -> None:
    offline.mkdir(parents=True)
    state = state_of(network())
    torch.save(state, offline / "resnet18-f37072fd.pth")
    assert same(fetch_backbone("torchvision/resnet18.v1"), state)


def test_a_damaged_cached_file_is_named(offline: Path) -> None:
    offline.mkdir(parents=True)
    (offline / "resnet18-f37072fd.pth").write_bytes(b"not weights at all")
    with pytest.raises(ValueError, match=r"resnet18-f37072fd\.pth cannot be read"):
        fetch_backbone("torchvision/resnet18.v1")


@pytest.mark.parametrize("name", ["torchvision/resnet18.v2", "torchvision/resnet50", "timm/x.v1"])
def test_unknown_weights_are_answered_with_the_known(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: torchvision has torchvision/resnet18.v1, "):
        fetch_backbone(name)


def test_names_stand_for_the_files_of_torchvision() -> None:
    assert {name: weights.name for name, weights in PUBLISHED.items()} == {
        f"torchvision/{name}.v{version}": f"IMAGENET1K_V{version}"
        for name in NETWORKS
        for version in (1, 2)
        if version == 1 or not name.startswith(("resnet18", "resnet34", "resnext101_64", "vgg"))
    }
