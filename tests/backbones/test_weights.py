"""Files as they are found, what fits where, and what is said when something does not."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from backbones.weights import (
    PUBLISHED,
    LoadReport,
    adapt_input_channels,
    backbone_part,
    fetch_backbone,
    load_into,
    read_state,
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


def test_a_long_report_stays_short() -> None:
    report = LoadReport("f", (), (), tuple(f"layer{n}" for n in range(100)), ())
    assert str(report).endswith("layer5 and 94 more")


def test_weights_of_another_network_change_nothing() -> None:
    module = network()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(
        ValueError, match=r"other\.pth: weights of another network, 1 of 7"
    ) as error:
        load_into(module, state_of(network(width=5)), source="other.pth")
    assert "0.weight" in str(error.value)
    assert same(dict(module.state_dict()), before)


def test_the_stem_is_adapted_to_the_image() -> None:
    state = state_of(network())
    grey, many = network(in_channels=1), network(in_channels=5)
    for module in (grey, many):
        report = load_into(module, state, source="rgb")
        assert report.reshaped == ("0.weight",)
        assert report.reinitialised == ()
    rgb = state["0.weight"]
    torch.testing.assert_close(grey.state_dict()["0.weight"], rgb.sum(1, keepdim=True))
    torch.testing.assert_close(many.state_dict()["0.weight"], 0.6 * rgb[:, [0, 1, 2, 0, 1]])


@given(channels=st.sampled_from([1, 3, 6, 9, 12]))
def test_a_grey_image_gives_the_same_response_in_any_number_of_copies(channels: int) -> None:
    generator = torch.Generator().manual_seed(channels)
    weight = torch.randn(4, 3, 3, 3, generator=generator, dtype=torch.float64)
    grey = torch.randn(1, 1, 8, 8, generator=generator, dtype=torch.float64)
    wanted = nn.functional.conv2d(grey.expand(-1, 3, -1, -1), weight)
    adapted = adapt_input_channels(weight, channels)
    copies = grey.expand(-1, channels, -1, -1)
    torch.testing.assert_close(nn.functional.conv2d(copies, adapted), wanted)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_files_give_back_what_was_saved(tmp_path: Path, suffix: str) -> None:
    state, path = state_of(network()), tmp_path / f"weights{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    assert same(read_state(path), state)


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_wrappers_and_prefixes_of_trainers_are_taken_off(tmp_path: Path, wrapper: str) -> None:
    state, path = state_of(network()), tmp_path / "checkpoint.pth"
    wrapped = {f"module.{key}": value for key, value in state.items()}
    torch.save({wrapper: wrapped, "epoch": 3, "meta": {"name": "x"}}, path)
    assert same(read_state(path), state)


@pytest.mark.parametrize("prefix", ["", "backbone.", "backbone.body.", "model.backbone.body."])
def test_a_backbone_is_found_inside_a_detector(prefix: str) -> None:
    state = state_of(network())
    detector = {f"{prefix}{key}": value for key, value in state.items()}
    rest = {"rpn.head.weight": torch.zeros(1), "backbone.fpn.weight": torch.zeros(1)}
    found = backbone_part(detector | (rest if prefix.endswith("body.") else {}))
    assert same(found, state)


def damaged(path: Path) -> None:
    path.write_bytes(b"not weights at all")


def truncated(path: Path) -> None:
    torch.save(state_of(network()), path)
    path.write_bytes(path.read_bytes()[:-200])


class Payload:
    """Code instead of weights."""

    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("executed",))


@pytest.mark.parametrize("damage", [damaged, truncated, lambda p: torch.save(Payload(), p)])
def test_bad_files_are_named_and_run_nothing(
    tmp_path: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.pth"
    damage(path)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: damaged, or holds other"):
        read_state(path)
    assert capsys.readouterr().out == ""


def test_a_damaged_safetensors_file_is_named(tmp_path: Path) -> None:
    damaged(tmp_path / "bad.safetensors")
    with pytest.raises(ValueError, match=r"bad\.safetensors: damaged"):
        read_state(tmp_path / "bad.safetensors")


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1, 2], {"model": {"a": 1}}])
def test_a_file_without_tensors_is_named(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "empty.pth")
    with pytest.raises(ValueError, match=r"empty\.pth: no tensors by name"):
        read_state(tmp_path / "empty.pth")


def test_missing_and_unknown_files_say_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=rf"{re.escape(str(tmp_path))}.*weights=FILE"):
        read_state(Path("absent.pth"))
    Path("model.onnx").touch()
    with pytest.raises(ValueError, match=r"model\.onnx: weights are \.safetensors, \.pth or \.pt"):
        read_state(Path("model.onnx"))


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
    damaged(offline / "resnet18-f37072fd.pth")
    with pytest.raises(ValueError, match=r"resnet18-f37072fd\.pth cannot be read"):
        fetch_backbone("torchvision/resnet18.v1")


@pytest.mark.parametrize("name", ["torchvision/resnet18.v2", "torchvision/resnet50", "timm/x.v1"])
def test_unknown_weights_are_answered_with_the_known(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: torchvision has torchvision/resnet18.v1, "):
        fetch_backbone(name)


def test_names_stand_for_the_files_of_torchvision() -> None:
    assert {name: weights.name for name, weights in PUBLISHED.items()} == {
        f"torchvision/resnet{depth}.v{version}": f"IMAGENET1K_V{version}"
        for depth in (18, 34, 50, 101, 152)
        for version in (1, 2)
        if depth >= 50 or version == 1
    }
