"""Training by machine code, from the command line: the weights are those of a run without it."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.load import dump_config
from lumbar.training.run_folder import RunFolder
from tests.classification.runs import tiny_run
from tests.end_to_end.shell import succeed

STEPS = ("trainer.max_steps=2", "trainer.accumulate=2", "trainer.precision=fp32")
RULE = ("optim.name=sgd", "optim.lr=0.01", "trainer.clip_norm=1.0", "trainer.ema_decay=0.5")


@pytest.fixture(scope="module")
def configs(
    small_config: Path,
    small_seg_config: Path,
    examples: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Mapping[str, tuple[object, ...]]:
    """For each tool its settings, of one canvas: large enough that no norm is of a single number."""
    small_cls = tmp_path_factory.mktemp("configs") / "small_cls.yaml"
    small_cls.write_text(dump_config(tiny_run(examples)))
    return {
        "train_det": (small_config, "data.canvas_buckets=[[96, 96]]"),
        "train_seg": (small_seg_config, "data.augment.crop=[64, 64]"),
        "train_cls": (small_cls,),
    }


def weights(folder: Path) -> dict[str, Tensor]:
    """Of the last step, averaged."""
    state: dict[str, Tensor] = AtomicCheckpointIO().load_checkpoint(RunFolder(folder).last)[
        "state_dict"
    ]
    return state


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["train_det", "train_seg", "train_cls"])
def test_compiled_steps_train_the_same_weights(
    tool: str, configs: Mapping[str, tuple[object, ...]], tmp_path: Path
) -> None:
    command = (tool, "--config", *configs[tool], *STEPS, *RULE)

    printed = {
        mode: succeed(*command, f"trainer.compile={mode}", "--output", mode, folder=tmp_path)
        for mode in ("none", "default")
    }

    assert ["rehearsed in" in text for text in printed.values()] == [False, True]
    compiled, plain = weights(tmp_path / "default"), weights(tmp_path / "none")
    assert compiled.keys() == plain.keys()
    for name, value in compiled.items():
        torch.testing.assert_close(value, plain[name], rtol=0, atol=1e-5)
