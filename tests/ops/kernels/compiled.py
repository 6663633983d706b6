"""Kernels as a GPU would get them, where none need be."""

import os
import subprocess
import sys

from tests.architecture.tree import ROOT


def compiled(program: str) -> str:
    """What a program prints of the kernels that it compiles, in a process of its own: this one may interpret them."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "TRITON_INTERPRET": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout
