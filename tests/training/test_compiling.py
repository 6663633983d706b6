"""What is compiled gives the same; what a machine cannot do, it says and leaves."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters

from lumbar.training.compiling import Mode, choose_mode, compile_parts
from lumbar.training.config import TrainerConfig

pytestmark = pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor:UserWarning"  # the compiler looks at its inputs
)
CPU = TrainerConfig(accelerator="cpu")


class Parts(nn.Module):
    """A convolution for each canvas, and a loss for any number of targets."""

    fixed_parts = ("dense",)
    free_parts = ("loss",)

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

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


@pytest.mark.parametrize("num_canvases", [0, 20])
def test_the_limit_follows_the_number_of_canvases(num_canvases: int) -> None:
    made(num_canvases=num_canvases)

    assert torch._dynamo.config.recompile_limit == max(8, 2 * num_canvases)


@pytest.mark.parametrize("asked", ["auto", "none"])
def test_a_cpu_compiles_only_when_it_is_asked_to(asked: str) -> None:
    config = CPU.model_copy(update={"compile": asked})

    assert choose_mode(config, num_canvases=1, steps=10**6) == "none"


@pytest.mark.slow
def test_what_cannot_be_compiled_is_told_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a C++ compiler, as torch finds it: in a process of its own, where none was found before."""
    program = (
        "import logging; logging.basicConfig(level='WARNING', format='%(message)s');"
        "from lumbar.training.compiling import choose_mode;"
        "from lumbar.training.config import TrainerConfig;"
        "config = TrainerConfig(accelerator='cpu', compile='default');"
        "print(choose_mode(config, num_canvases=1, steps=9))"
    )
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "none\n"
    assert "trainer.compile=default: goes on without, as here" in done.stderr
    assert "no-such-compiler" in done.stderr
