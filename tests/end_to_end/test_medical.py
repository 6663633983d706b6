"""A study from its folder to a page, to new masks and to a network without torch, as its user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lumbar.data.image_io import list_images
from tests.end_to_end.shell import complain, fork_tool, succeed

CASES = 6


def write_study(folder: Path, examples: Path, names: list[str]) -> Path:
    """Some of the nuclei, under the names of people, and the YAML file of their study."""
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
        for place, name in enumerate(names):
            link = folder / kind / f"Erika_Muster{place}.png"
            link.symlink_to(examples / "nuclei" / kind / name)
    path = folder / "study.yaml"
    path.write_text(f"""\
data: {folder}
classes: {{background: 0, nucleus: any}}
model: {{backbone: {{name: resnet18, width: 16, weights: none}}, head: {{name: fcn}}}}
folds: 2
epochs: 2
zoom: 1
patch: [64, 64]
overlap: 0
flips: []
""")
    return path


@pytest.fixture(scope="session")
def study(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The YAML file of six cases."""
    folder = tmp_path_factory.mktemp("study") / "data"
    return write_study(folder, examples, list_images(examples / "nuclei" / "images")[:CASES])


@pytest.fixture(scope="session")
def fitted(study: Path) -> Path:
    """The run folder of a short fit."""
    run = study.parent / "run"
    printed = succeed("medical", "fit", "--config", study, "--output", run, folder=study.parent)
    assert "fold 2 of 2" in printed
    assert "another patient" in printed
    return run


def test_a_good_study_is_ready(study: Path, tmp_path: Path) -> None:
    printed = succeed("medical", "check", "--config", study, "--output", "seen", folder=tmp_path)

    assert "ready" in printed
    assert {"check.html", "check.json", "proposed.yaml"} <= {
        path.name for path in (tmp_path / "seen").iterdir()
    }
    succeed("medical", "fit", "--config", "seen/proposed.yaml", "--print-config", folder=tmp_path)


def test_a_study_that_would_spoil_the_training_is_not_ready(examples: Path, tmp_path: Path) -> None:
    names = list_images(examples / "nuclei" / "images")
    study = write_study(tmp_path / "data", examples, names[:3])
    (tmp_path / "data" / "images" / "Erika_Muster1.png").unlink()
    (tmp_path / "data" / "images" / "Erika_Muster1.png").write_bytes(b"no picture")

    code, printed = fork_tool("medical", "check", "--config", study, folder=tmp_path)

    assert code == 1
    assert "Erika_Muster1.png" in printed
    assert "Traceback" not in printed
    assert "Erika_Muster1.png" in complain("medical", "fit", "--config", study, folder=tmp_path)


def test_the_report_scores_every_case_and_names_nobody(fitted: Path, tmp_path: Path) -> None:
    printed = succeed("medical", "report", fitted, "--output", "page", folder=tmp_path)

    assert "Dice" in printed
    files = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "page").iterdir()}
    assert {"report.html", "report.json", "cases.csv"} <= files.keys()
    assert len({line.partition(",")[0] for line in files["cases.csv"].splitlines()[1:]}) == CASES
    assert not [name for name, text in files.items() if "Muster" in text]
    assert "Muster" in (fitted / "key.csv").read_text(encoding="utf-8")


def test_new_cases_become_masks_of_their_size(fitted: Path, study: Path, tmp_path: Path) -> None:
    images = study.parent / "images"

    command = ("predict", fitted, images, "--output", "found")
    succeed("medical", *command, folder=tmp_path)

    for image in images.iterdir():
        mask = tmp_path / "found" / "masks" / image.name
        with Image.open(image) as wanted, Image.open(mask) as got:
            assert got.size == wanted.size
            assert len(np.unique(np.asarray(got))) <= 2
    assert (tmp_path / "found" / "predictions.csv").is_file()


@pytest.mark.slow  # as `medical/delivery` exports a network at each run, and runs it
def test_an_exported_network_runs_without_torch(fitted: Path, study: Path, tmp_path: Path) -> None:
    succeed("medical", "export", fitted, "--output", "out", "--verify", "1", folder=tmp_path)

    code = (
        "import runpy, sys; sys.modules['torch'] = sys.modules['lightning'] = None; "
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    image = study.parent / "images" / "Erika_Muster0.png"
    runner = tmp_path / "out" / "runner" / "predict.py"
    done = subprocess.run(
        [sys.executable, "-c", code, runner, image, "--output", tmp_path / "found"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "found").rglob("*.png"))
    assert "Muster" not in (tmp_path / "out" / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_masks_become_boxes(study: Path, tmp_path: Path) -> None:
    succeed("medical", "boxes", "--config", study, "--output", "boxes", folder=tmp_path)

    truth = tmp_path / "boxes" / "val.json"
    document = json.loads(truth.read_text(encoding="utf-8"))
    assert document["annotations"]
    rows = [
        {key: row[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.9}
        for row in document["annotations"]
    ]
    (tmp_path / "results.json").write_text(json.dumps(rows), encoding="utf-8")
    printed = succeed(
        *("medical", "froc", "--detections", "results.json", "--annotations", truth),
        folder=tmp_path,
    )
    assert "1.000" in printed


def test_mistakes_on_the_command_line_are_told(study: Path, tmp_path: Path) -> None:
    assert "budget" in complain("medical", "fit", "--config", study, "budget=soon", folder=tmp_path)
    assert "no run of fit" in complain("medical", "report", tmp_path, folder=tmp_path)
