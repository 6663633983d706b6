"""A run has a folder of its own, and every process of the run has the same one."""

import json
import os
from pathlib import Path

import pytest
from lightning.pytorch.utilities import rank_zero_only

from lumbar.training.run_folder import RunFolder


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUMBAR_RUN_FOLDER", "")
    monkeypatch.delenv("LUMBAR_RUN_FOLDER")


def test_runs_are_numbered() -> None:
    paths = [RunFolder.create(None, "r50", resume=False).path for _ in range(3)]

    assert paths == [Path(f"runs/r50-{number}") for number in (1, 2, 3)]
    assert all(path.is_dir() for path in paths)
    assert RunFolder.create(None, "r101", resume=False).path == Path("runs/r101-1")


def test_a_folder_with_another_run_is_refused_with_the_two_ways_out() -> None:
    folder = RunFolder.create(Path("out/here"), "r50", resume=False)
    assert RunFolder.create(folder.path, "r50", resume=False) == folder
    folder.write_config("seed: 0\n")

    with pytest.raises(
        ValueError, match=r"out/here is not empty: .* --resume auto, or .* --output"
    ):
        RunFolder.create(folder.path, "r50", resume=False)
    assert RunFolder.create(folder.path, "r50", resume=True) == folder


def test_resuming_finds_the_last_run_with_a_checkpoint() -> None:
    assert RunFolder.create(None, "r50", resume=True).path == Path("runs/r50-1")
    second = RunFolder.create(None, "r50", resume=False)
    RunFolder.create(None, "r50", resume=False)
    second.checkpoints.mkdir()
    second.last.touch()

    assert RunFolder.create(None, "r50", resume=True) == second


def test_a_run_of_another_kind_is_known_by_another_file() -> None:
    first = RunFolder.create(None, "r50", resume=False)
    second = RunFolder.create(None, "r50", resume=False)
    (first.path / "splits.json").touch()
    second.checkpoints.mkdir()
    second.last.touch()

    assert RunFolder.create(None, "r50", resume=True, mark="splits.json") == first
    assert RunFolder.create(None, "r50", resume=True) == second


def test_other_processes_get_the_folder_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that Lightning starts inherit its environment."""
    first = RunFolder.create(None, "r50", resume=False)
    first.write_config("seed: 0\n")
    monkeypatch.setattr(rank_zero_only, "rank", 1)

    other = RunFolder.create(None, "r50", resume=False)
    assert other.path == first.path.absolute()
    assert RunFolder.create(Path("out"), "r50", resume=False).path == Path("out")
    assert not Path("out").exists()


def test_processes_of_a_launcher_need_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)

    with pytest.raises(ValueError, match=r"under torchrun and SLURM, .* --output"):
        RunFolder.create(None, "r50", resume=False)


def test_files_are_where_the_readme_says() -> None:
    folder = RunFolder.create(Path("out"), "r50", resume=False)
    names = {
        "config.yaml": folder.config,
        "metrics.csv": folder.metrics,
        "checkpoints": folder.checkpoints,
        "checkpoints/last.ckpt": folder.last,
        "checkpoints/best.ckpt": folder.best,
        "results.json": folder.results,
        "model.safetensors": folder.weights,
        "pictures": folder.pictures,
    }

    assert all(path == Path("out", name) for name, path in names.items())


def test_config_and_results_are_written_whole() -> None:
    folder = RunFolder.create(Path("out"), "r50", resume=False)
    folder.write_config("name: é\n")
    folder.write_results({"bbox": {"AP": 0.5}})

    assert folder.config.read_text(encoding="utf-8") == "name: é\n"
    assert json.loads(folder.results.read_text()) == {"bbox": {"AP": 0.5}}
    assert sorted(os.listdir("out")) == ["config.yaml", "results.json"]  # noqa: PTH208 - hidden files count
