"""However many processes a run has, and whichever of them is told to stop: it saves and exits, and nothing hangs."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from torch.distributed import run as torchrun

from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.load import project_root
from lumbar.training.run_folder import RunFolder
from tests.processes import start_script

Send = Callable[[int, list[int]], None]
"""(process id that was launched, those of the ranks) to whoever is told."""
Launcher = tuple[Path, *tuple[object, ...]]
"""A script and the first words of its command line."""
SCRIPT = Path(__file__).with_name("long_run.py")
ALONE: Launcher = (SCRIPT,)
TORCHRUN: Launcher = (Path(torchrun.__file__), "--standalone", "--nproc-per-node=2", SCRIPT)
SECONDS = 120


def to_launcher(number: int) -> Send:
    return lambda launcher, ranks: os.kill(launcher, number)


def to_all(number: int) -> Send:
    """As a terminal does, and a scheduler: the loader processes get it, too."""
    return lambda launcher, ranks: os.killpg(launcher, number)


def to_second(number: int) -> Send:
    return lambda launcher, ranks: os.kill(ranks[1], number)


PATTERNS = {
    "launcher": (to_launcher(signal.SIGTERM), 143),
    "group": (to_all(signal.SIGTERM), 143),
    "second rank": (to_second(signal.SIGTERM), 143),
    "ctrl-c": (to_all(signal.SIGINT), 130),
    "slurm": (to_all(signal.SIGUSR1), 143),
}


class LongRun:
    """A run that has begun, in a process group of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        ranks: int = 2,
        stage: str = "training",
        workers: int = 0,
        launcher: Launcher = ALONE,
    ) -> None:
        self.folder = RunFolder(folder / "run")
        self.printed = folder / "printed"
        script, *options = launcher
        self.process = start_script(
            script,
            *(*options, self.folder.path, ranks, stage, workers),
            folder=folder,
            output=self.printed,
            PYTHONPATH=str(project_root()),
        )
        assert self.process.pid
        self.launched = self.process.pid
        try:
            self.ranks = [self._pid(rank) for rank in range(ranks)]
        except BaseException:
            self.kill()
            raise

    def told(self, send: Send) -> tuple[int | None, str]:
        """The exit code and all that was printed, once every process has ended."""
        try:
            send(self.launched, self.ranks)
            _until(lambda: not self.process.is_alive(), "it does not end")
            _until(lambda: not any(map(_is_alive, self.ranks)), "a rank is left behind")
        except BaseException:
            self.kill()
            raise
        return self.process.exitcode, self.printed.read_text()

    def kill(self) -> None:
        """Ends the ranks of torchrun, too, which have groups of their own."""
        for pid in _family(self.launched):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.join()

    def _pid(self, rank: int) -> int:
        file = self.folder.path.with_name(f"run.{rank}")
        _until(lambda: file.is_file() and file.read_text() != "", f"rank {rank} does not begin")
        return int(file.read_text())

    @property
    def step(self) -> int:
        step: int = AtomicCheckpointIO().load_checkpoint(self.folder.last)["global_step"]
        return step


def _until(condition: Callable[[], bool], complaint: str) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, complaint
        time.sleep(0.02)


def _family(pid: int) -> list[int]:
    """The process and its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def assert_stopped(run: LongRun, pattern: str) -> None:
    send, expected = PATTERNS[pattern]
    code, output = run.told(send)

    assert code == expected, output
    assert output.count("\n") == 1, output
    assert output.startswith("stopped by SIG"), output
    assert f"saved {run.folder.last} at step {run.step}; the same command with" in output
    assert run.step >= 2


@pytest.mark.parametrize(
    ("pattern", "workers"),
    [
        pytest.param("launcher", 0, marks=pytest.mark.slow),
        pytest.param("group", 1, marks=pytest.mark.slow),
        pytest.param("second rank", 0, marks=pytest.mark.slow),
        ("ctrl-c", 1),
    ],
)
def test_two_processes_save_and_stop(tmp_path: Path, pattern: str, workers: int) -> None:
    assert_stopped(LongRun(tmp_path, workers=workers), pattern)


def test_torchrun_lets_its_processes_save(tmp_path: Path) -> None:
    """It exits with 1 whenever it was told to stop, whatever its processes exit with."""
    run = LongRun(tmp_path, launcher=TORCHRUN)
    code, output = run.told(to_launcher(signal.SIGTERM))

    assert code == 1, output
    assert output.count(f"stopped by SIGTERM; saved {run.folder.last} at step {run.step};") == 1


def test_a_second_control_c_ends_at_once(tmp_path: Path) -> None:
    def twice(launcher: int, ranks: list[int]) -> None:
        os.killpg(launcher, signal.SIGINT)
        time.sleep(0.02)
        os.killpg(launcher, signal.SIGINT)

    run = LongRun(tmp_path, ranks=1, workers=1)
    begin = time.monotonic()

    assert run.told(twice)[0] in (-signal.SIGINT, 130)
    assert time.monotonic() - begin < SECONDS / 8


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(4))
@pytest.mark.parametrize("stage", ["training", "evaluation"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_several_times(
    tmp_path: Path, pattern: str, stage: str, attempt: int
) -> None:
    assert_stopped(LongRun(tmp_path, stage=stage, workers=attempt % 2), pattern)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", sorted(PATTERNS.keys() - {"second rank"}))
@pytest.mark.parametrize("stage", ["training", "evaluation"])
def test_one_process_alone(tmp_path: Path, pattern: str, stage: str) -> None:
    assert_stopped(LongRun(tmp_path, ranks=1, stage=stage, workers=1), pattern)


def test_a_killed_loader_process_is_one_message(tmp_path: Path) -> None:
    run = LongRun(tmp_path, ranks=1, workers=1)

    def kill_worker(launcher: int, ranks: list[int]) -> None:
        own, *others = _family(launcher)
        (worker,) = (pid for pid in others if _command(pid) == _command(own))
        os.kill(worker, signal.SIGKILL)

    code, output = run.told(kill_worker)

    assert code == 1
    assert "ValueError: a process that loads images has died; most often the memory" in output
    assert "set data.workers lower" in output
