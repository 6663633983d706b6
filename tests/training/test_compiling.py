"""What is compiled gives the same; what a machine cannot do, it says and leaves."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters

from lumbar.training.compiling import Mode, choose_mode, compile_parts
from lumbar.training.config import TrainerConfig
from lumbar.training.run import fit
from tests.training.toy import TRAINER, ShuffledData, ToyModule, new_folder

pytestmark = pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor:UserWarning"  # the compiler looks at its inputs
)
CPU = TrainerConfig(accelerator="cpu")
WITHOUT_HEADERS = """\
#!/bin/sh
[ "$1" = --version ] && exec g++ --version
echo "main.cpp:1:10: fatal error: Python.h: No such file or directory" >&2
exit 1
"""


class Parts(nn.Module):
    """A convolution for each canvas, and a loss for any number of targets."""

    fixed_parts = ("dense",)
    free_parts = ("loss",)

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def dense(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x).relu()
        return out

    def loss(self, maps: Tensor, targets: Tensor) -> Tensor:
        return (maps.mean((2, 3))[:, None] - targets).square().sum()

    def forward(self, x: Tensor, targets: Tensor) -> Tensor:
        return self.loss(self.dense(x), targets)


@pytest.fixture(autouse=True)
def _own_settings() -> Iterator[None]:
    """Limits and graphs are of the process."""
    with torch._dynamo.config.patch(recompile_limit=8, optimize_ddp=True):
        yield
    torch.compiler.reset()


def inputs(height: int, count: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(height)
    return torch.rand(3, 3, height, 50, generator=generator), torch.ones(3, count, 4)


def made(mode: Mode = "default", num_canvases: int = 3) -> Parts:
    torch.manual_seed(0)
    model = Parts()
    compile_parts(model, mode, num_canvases=num_canvases, backend="aot_eager")
    return model


def num_graphs() -> int:
    return counters["stats"]["unique_graphs"]


def test_each_canvas_has_a_graph_and_all_of_them_give_the_same() -> None:
    """Losses and gradients; the targets share a graph, whatever their number."""
    plain, fast = made("none"), made()
    before, graphs = num_graphs(), []

    for height, count in ((18, 8), (26, 16), (18, 32), (34, 64)):
        losses = [model(*inputs(height, count)) for model in (plain, fast)]
        graphs.append(num_graphs() - before)
        gradients = [
            torch.autograd.grad(loss, list(model.parameters()))
            for loss, model in zip(losses, (plain, fast), strict=True)
        ]
        torch.testing.assert_close(*losses, rtol=1e-6, atol=0)
        torch.testing.assert_close(*gradients, rtol=1e-6, atol=0)
    assert graphs == [2, 3, 3, 4]


def test_nothing_is_compiled_where_nothing_is_learnt() -> None:
    model, before = made(), num_graphs()

    with torch.no_grad():
        model(*inputs(18, 8))

    assert num_graphs() == before


class Learner(ToyModule):
    """Learns by parts."""

    def __init__(self, mode: Mode) -> None:
        super().__init__()
        self.parts = made(mode)

    def training_step(self, batch: Sequence[Tensor], batch_index: int) -> Tensor:
        loss: Tensor = self.parts(batch[0], batch[1][:, None, None].expand(-1, -1, 4).float())
        return loss

    def validation_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        self.log("val/AP", self.parts.dense(batch[0]).mean(), batch_size=len(batch[0]))


def learnt(path: Path, mode: Mode, steps: int, resume: Path | None = None) -> list[Tensor]:
    config = TRAINER.model_copy(update={"max_steps": steps, "accumulate": 2, "ema_decay": 0.5})
    module = Learner(mode)
    fit(module, ShuffledData(count=24), config, folder=new_folder(path), resume=resume)
    return [*module.parts.parameters()]


def test_a_compiled_run_goes_on_compiled_or_not(tmp_path: Path) -> None:
    """From the middle of an epoch, with averaged weights."""
    whole = learnt(tmp_path / "whole", "default", 9)
    part = learnt(tmp_path / "part", "default", 5)

    last = new_folder(tmp_path / "part").last
    compiled = learnt(tmp_path / "compiled", "default", 9, last)
    eager = learnt(tmp_path / "eager", "none", 9, last)

    assert not torch.allclose(whole[0], part[0])
    for expected, same, close in zip(whole, compiled, eager, strict=True):
        assert torch.equal(same, expected)
        torch.testing.assert_close(close, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("num_canvases", [0, 20])
def test_the_limit_follows_the_number_of_canvases(num_canvases: int) -> None:
    made(num_canvases=num_canvases)

    assert torch._dynamo.config.recompile_limit == max(8, 2 * num_canvases)


@pytest.mark.parametrize("asked", ["auto", "none"])
def test_a_cpu_compiles_only_when_it_is_asked_to(asked: str) -> None:
    config = CPU.model_copy(update={"compile": asked})

    assert choose_mode(config, num_canvases=1, steps=10**6) == "none"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("compiler", "reason"),
    [
        ("no-such-compiler", "No working C++ compiler found"),
        ("without_headers.sh", "fatal error: Python.h: No such file"),
    ],
)
def test_what_cannot_be_compiled_is_told_and_left(
    compiler: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, by a process of its own, which has not looked for a C++ compiler before."""
    script = tmp_path / "without_headers.sh"
    script.write_text(WITHOUT_HEADERS)
    script.chmod(0o755)
    program = (
        "import logging; logging.basicConfig(level='WARNING', format='%(message)s');"
        "from lumbar.training.compiling import choose_mode;"
        "from lumbar.training.config import TrainerConfig;"
        "config = TrainerConfig(accelerator='cpu', compile='default');"
        "print(choose_mode(config, num_canvases=1, steps=9))"
    )
    monkeypatch.setenv("CXX", str(script) if script.name == compiler else compiler)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    (line,) = (line for line in done.stderr.splitlines() if "trainer.compile" in line)
    assert done.stdout == "none\n"
    assert line.startswith("trainer.compile=default: goes on without, as here ")
    assert reason in line
