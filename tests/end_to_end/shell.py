"""Runs the tools as users do: in a process of their own, from any folder."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from tests.processes import start_script

TOOLS = Path(__file__).resolve().parents[2] / "tools"
Run = Callable[..., tuple[int, str]]
"""(name of a tool, its arguments, folder, variables of the environment) to the exit code and all that was printed."""


def run_tool(name: str, *arguments: object, folder: Path, **environment: str) -> tuple[int, str]:
    """Runs `tools/NAME.py` in `folder`, on one thread."""
    done = subprocess.run(
        [sys.executable, str(TOOLS / f"{name}.py"), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def fork_tool(name: str, *arguments: object, folder: Path, **environment: str) -> tuple[int, str]:
    """What `run_tool` does, in a process that has imported torch already: that takes most of a tool's time."""
    script = TOOLS / f"{name}.py"
    with NamedTemporaryFile() as output:
        place = {"folder": folder, "output": Path(output.name)}
        process = start_script(script, *arguments, **place, **environment)
        process.join()
        assert process.exitcode is not None
        return process.exitcode, output.read().decode()


def succeed(name: str, *arguments: object, folder: Path, run: Run = fork_tool) -> str:
    """What a tool prints that must succeed."""
    code, output = run(name, *arguments, folder=folder)
    assert code == 0, output
    return output


def succeed_together(
    name: str, *arguments: object, folder: Path, places: Sequence[Mapping[str, str]]
) -> str:
    """What forked processes of a tool print that must succeed, one for each set of variables in `places`."""
    outputs = [folder / f"printed{number}" for number in range(len(places))]
    processes = [
        start_script(TOOLS / f"{name}.py", *arguments, folder=folder, output=output, **place)
        for output, place in zip(outputs, places, strict=True)
    ]
    for process in processes:
        process.join()
    printed = "".join(output.read_text() for output in outputs)
    assert [process.exitcode for process in processes] == [0] * len(places), printed
    return printed


def two_ranks() -> list[dict[str, str]]:
    """Variables by which two processes find each other, as torchrun sets them."""
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    common = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "test"} | meeting
    return [common | {"RANK": rank, "LOCAL_RANK": rank} for rank in "01"]


def free_port() -> str:
    """One that nobody listens at."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return str(server.getsockname()[1])


def complain(
    name: str, *arguments: object, folder: Path, run: Run = fork_tool, **environment: str
) -> str:
    """The message of a tool that must fail, without a traceback."""
    code, output = run(name, *arguments, folder=folder, **environment)
    assert code in (1, 2), output
    assert "Traceback" not in output
    return output
