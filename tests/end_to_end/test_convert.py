"""Weights of other zoos from the command line: converted, used, and refused with a message."""

import os
from pathlib import Path

from PIL import Image

from tests.backbones.zoo_files import as_arrays, caffe2_name, random_resnet, renamed, write_pickle
from tests.detection.zoo_files import as_detectron2, small_detector
from tests.end_to_end.shell import complain, succeed


def test_a_pickle_of_detectron2_finds_objects(tmp_path: Path, examples: Path) -> None:
    content = {"model": as_arrays(as_detectron2(small_detector(81))), "__author__": "Detectron2"}
    write_pickle(tmp_path / "model_final.pkl", content)
    with Image.open(min((examples / "coco").rglob("*.jpg"))) as photo:
        photo.crop((0, 90, 320, 130)).save(tmp_path / "strip.png")  # enlarged, it stays narrow

    shown = succeed("convert_weights", "model_final.pkl", "d2.safetensors", folder=tmp_path)
    command = ("--weights", "d2.safetensors", "strip.png", "--output", "found")
    succeed("predict", *command, folder=tmp_path)

    assert "preset detectron2" in shown
    assert any((tmp_path / "found").iterdir())


def test_a_pickle_of_caffe2_starts_a_training(tmp_path: Path, small_config: Path) -> None:
    write_pickle(tmp_path / "R-18.pkl", as_arrays(renamed(random_resnet("resnet18"), caffe2_name)))
    body = [
        f"model.backbone.{name}"
        for name in ("weights=R-18.safetensors", "norm=frozen", "width=null")
    ]

    succeed("convert_weights", "R-18.pkl", "R-18.safetensors", folder=tmp_path)
    output = succeed(
        "train_det", "--config", small_config, *body, "trainer.max_steps=1", folder=tmp_path
    )

    assert "R-18.safetensors: 100 tensors loaded" in output


class Payload:
    """Code instead of weights."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("echo executed",)


def test_code_is_refused_and_mistakes_are_named(tmp_path: Path) -> None:
    write_pickle(tmp_path / "evil.pkl", Payload())

    evil = ("evil.pkl", "out.safetensors")
    refused = complain("convert_weights", *evil, folder=tmp_path)
    suffix = complain("convert_weights", "evil.pkl", "out.pth", folder=tmp_path)
    style = complain("convert_weights", "e.pkl", "o.safetensors", "--style=tf", folder=tmp_path)

    assert "error: evil.pkl: refused, it names posix.system" in refused
    assert "executed" not in refused
    assert "the output must be a .safetensors file, got out.pth" in suffix
    assert "invalid choice: 'tf'" in style
    assert [path.name for path in tmp_path.iterdir()] == ["evil.pkl"]
