"""Command lines answer at once, and tell the user's mistakes in one message."""

import subprocess
import sys
from pathlib import Path

import pytest

from lumbar.tasks.command_line import eval_command, eval_parser, guarded, say, train_command
from lumbar.training.load import load_config, project_root
from lumbar.training.yaml_marks import ConfigError
from tests.tasks.small_task import Calls, Small

ROOT = project_root()
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a config in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("seed: 3\n")
    return "mine.yaml"


def train(calls: Calls, *arguments: str) -> int:
    return train_command(
        arguments, description="Train.", schema=Small, example="small.yaml", train=calls.train
    )


def evaluate(*arguments: str) -> int:
    parser = eval_parser(
        "Evaluate.", weights="any", predictions="theirs", annotations="truth", place="FILE"
    )
    return eval_command(arguments, parser, lambda options: f"scores of {vars(options)}")


@pytest.mark.parametrize(
    ("module", "schema", "arguments"),
    [
        ("detection.commands", "seed", ["--config", "faster_rcnn_r50", "--print-config"]),
        ("segmentation.commands", "losses", []),
    ],
)
def test_help_and_configs_need_no_torch(module: str, schema: str, arguments: list[str]) -> None:
    program = (
        f"import sys; from {module} import train_main\n"
        f"train_main(['--help-config']); {arguments} and train_main({arguments})\n"
        "assert not {'torch', 'lightning'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert schema in done.stdout


def test_a_training_is_called_with_what_was_said(calls: Calls, config: str) -> None:
    assert train(calls, "--config", config) == 0
    assert train(calls, "--config", config, "--output", "run", "--resume", "auto", "seed=4") == 0
    assert train(calls, "--config", "mine", "--resume", "a.ckpt", "--resume-anyway") == 0

    nothing = {"name": "mine", "output": None, "resume": None, "resume_anyway": False}
    assert [options for _, options in calls] == [
        nothing,
        nothing | {"output": Path("run"), "resume": "auto"},
        nothing | {"resume": "a.ckpt", "resume_anyway": True},
    ]
    assert [config.seed for config, _ in calls] == [3, 4, 3]


def test_paths_start_in_the_current_folder(calls: Calls, config: str) -> None:
    train(calls, "--config", config, "data.root=my")
    train(calls, "--config", config)

    assert [config.data.root for config, _ in calls] == [
        str(Path.cwd() / "my"),
        str(ROOT / "datasets" / "small"),
    ]


def test_a_printed_config_reads_back_and_trains_nothing(
    calls: Calls, config: str, tmp_path: Path, capsys: Capture
) -> None:
    assert train(calls, "--config", config, "--print-config", "seed=4") == 0
    (tmp_path / "whole.yaml").write_text(capsys.readouterr().out)

    assert load_config(Small, tmp_path / "whole.yaml").seed == 4
    assert calls == []


def test_one_section_is_explained(calls: Calls, capsys: Capture) -> None:
    assert train(calls, "--help-config", "data") == 0
    shown = capsys.readouterr().out

    assert "Where they lie." in shown
    assert "seed" not in shown


def test_settings_may_stand_before_and_behind_options(calls: Calls, config: str) -> None:
    train(calls, "seed=4", "--config", config)
    train(calls, "--config", config, "seed=4", "--resume", "auto")
    train(calls, "--config", config, "seed=3", "--resume", "auto", "seed=4")

    assert {config.seed for config, _ in calls} == {4}


def test_a_training_needs_a_config(calls: Calls, capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        train(calls)

    assert "--config is needed, for example --config small.yaml" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--weights", "a.pth", "--predictions", "p.json", "--annotations", "t.json"],
        ["--predictions", "p.json"],
        ["--weights", "a.pth", "--annotations", "t.json"],
        ["--weights", "a.pth", "--split", "train"],
        ["--weig", "a.pth"],
    ],
)
def test_an_evaluation_is_of_weights_or_of_files(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stop:
        evaluate(*arguments)

    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_an_evaluation_prints_what_it_found(config: str, capsys: Capture) -> None:
    assert evaluate("--weights", "w.pth", "data.root=my", "--split", "test") == 0

    shown = capsys.readouterr().out
    assert shown.startswith("scores of ")
    assert f"data.root={Path.cwd()}/my" in shown
    assert "'split': 'test'" in shown


def test_only_the_first_process_speaks(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    for rank in ("0", "1"):
        monkeypatch.setenv("LOCAL_RANK", rank)
        say(f"from {rank}")

    assert capsys.readouterr().out == "from 0\n"


def fail(error: Exception) -> None:
    raise error


def test_mistakes_have_a_message_and_an_exit_code(capsys: Capture) -> None:
    wrapped = (
        "Caught ValueError in DataLoader worker process 0.\nTraceback\nValueError: a.jpg: bad\n"
    )

    assert guarded(lambda: fail(ConfigError("a.yaml:1: no"))) == 2
    assert guarded(lambda: fail(ValueError("b.jpg: no such image"))) == 1
    assert guarded(lambda: fail(ValueError(wrapped))) == 1
    assert guarded(lambda: None) == 0

    messages = capsys.readouterr().err
    assert messages == (
        "config error:\na.yaml:1: no\nerror: b.jpg: no such image\nerror: a.jpg: bad\n"
    )


def test_our_own_mistakes_keep_their_traceback() -> None:
    with pytest.raises(KeyError):
        guarded(lambda: fail(KeyError("ours")))


def test_wrong_settings_are_told_with_their_place(
    calls: Calls, config: str, capsys: Capture
) -> None:
    assert train(calls, "--config", config, "sed=4") == 2

    assert 'unknown key "sed", did you mean "seed"?' in capsys.readouterr().err
