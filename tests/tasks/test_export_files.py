"""Both formats give back what was written, and say what it is."""

import json
import sys
from pathlib import Path
from zipfile import ZipFile

import onnxruntime
import pytest
import torch

from lumbar.tasks.export_files import Format, open_exported, require_packages, write
from lumbar.tasks.export_graph import trace
from tests.conftest import ROOT
from tests.tasks.small_export import Edges, make_images, small_exportable

in_both_formats = pytest.mark.parametrize("kind", ["onnx", "pt2"])


@pytest.fixture
def file(tmp_path: Path, kind: Format) -> Path:
    exportable = small_exportable()
    write(trace(exportable), exportable, tmp_path / "model", kind=kind)
    return tmp_path / "model"


@in_both_formats
def test_a_file_computes_what_the_model_does(file: Path, kind: Format) -> None:
    run = open_exported(file, kind)

    for images in (make_images(16, 24), make_images(40, 16, batch=3)):
        edges, areas = run(images.canvas, images.sizes)
        expected, expected_areas = Edges()(images.canvas, images.sizes)
        torch.testing.assert_close(edges, expected)
        assert torch.equal(areas, expected_areas)


@in_both_formats
def test_a_file_names_no_folder_of_the_machine_it_was_made_on(file: Path) -> None:
    assert str(ROOT).encode() not in file.read_bytes()


@pytest.mark.parametrize("kind", ["onnx"])
def test_onnx_names_what_goes_in_and_out_and_describes_itself(file: Path) -> None:
    session = onnxruntime.InferenceSession(file)
    images, sizes = session.get_inputs()

    assert (images.name, images.shape) == ("images", ["batch", 3, "height", "width"])
    assert (sizes.name, sizes.shape) == ("sizes", ["batch", 2])
    assert [output.name for output in session.get_outputs()] == ["edges", "areas"]
    about = session.get_modelmeta().custom_metadata_map["lumbar"]
    assert json.loads(about) == small_exportable().describe()


@pytest.mark.parametrize("kind", ["pt2"])
def test_a_program_of_torch_describes_itself(file: Path) -> None:
    with ZipFile(file) as archive:
        (extra,) = (name for name in archive.namelist() if name.endswith("/lumbar.json"))

        assert json.loads(archive.read(extra)) == small_exportable().describe()


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)

    require_packages("pt2")
    with pytest.raises(ValueError, match=r"needs onnxscript: pip install 'lumbar\[export\]'"):
        require_packages("onnx")
