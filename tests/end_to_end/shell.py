"""Runs the tools as users do: in a process of their own, from any folder."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def run_tool(
    name: str, *arguments: object, folder: Path, under: Sequence[str] = (), **environment: str
) -> tuple[int, str]:
    """Runs `tools/NAME.py` in `folder`, on one thread, by the command `under` if there is one.

    Returns:
        The exit code, and all that was printed.
    """
    done = subprocess.run(
        [*under, sys.executable, str(TOOLS / f"{name}.py"), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def succeed(name: str, *arguments: object, folder: Path) -> str:
    """What a tool prints that must succeed."""
    code, output = run_tool(name, *arguments, folder=folder)
    assert code == 0, output
    return output


def complain(
    name: str, *arguments: object, folder: Path, under: Sequence[str] = (), **environment: str
) -> str:
    """The message of a tool that must fail, without a traceback."""
    code, output = run_tool(name, *arguments, folder=folder, under=under, **environment)
    assert code in (1, 2), output
    assert "Traceback" not in output
    return output
