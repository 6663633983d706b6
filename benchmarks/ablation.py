"""What each trick of our detector is worth: a training step and a prediction with everything on, and less one.

Two changes go the other way, as they are no defaults everywhere: checkpointing, and on a GPU the compiler. usage:

    python benchmarks/ablation.py [--quick] [--rounds 5] [--output FOLDER]
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

import detection.matcher
import detection.postprocess
import detection.proposals
from backbones.norm import FrozenNorm
from benchmarks.detection import Plan, make_scene
from benchmarks.report import Report, Table, parse, publish
from benchmarks.timing import Job, Times, autocast, peak, pick_device, take_turns
from detection.faster_rcnn import FasterRCNN
from lumbar.ops.matching import best_overlap_reference
from lumbar.ops.nms import nms_keep_reference
from lumbar.ops.precision import at_least_float32
from lumbar.training.compiling import compile_parts

PLANS = {
    "cpu": Plan(320, 320, 2, (1, 2), 5, objects=64),
    "cuda": Plan(800, 1344, 8, (1, 8), 20, objects=64),
    "quick": Plan(96, 96, 1, (1, 1), 1, objects=8),
}
ALL_ON = "everything on"
_TRAINED, _PREDICTED = "train step", "predict"
_STAGES = ("layer1", "layer2", "layer3", "layer4")

Change = Callable[[FasterRCNN], AbstractContextManager[object]]
"""Changes a detector for good, or what it calls while the context lasts."""


class Unfolded(nn.Module):
    """A frozen norm behind its convolution, as it is written."""

    def __init__(self, norm: FrozenNorm) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """Scales and shifts the channels of x (B, C, H, W)."""
        out: Tensor = self.norm(x)
        return out


def unfold_norms(model: FasterRCNN) -> AbstractContextManager[None]:
    """Norms pass over the activations."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, FrozenNorm):
                setattr(module, name, Unfolded(child))
    return nullcontext()


def make_contiguous(model: FasterRCNN) -> AbstractContextManager[None]:
    """Channels come before rows in memory."""
    model.to(memory_format=torch.contiguous_format)
    return nullcontext()


def pool_by_level(model: FasterRCNN) -> AbstractContextManager[None]:
    """Regions are pooled by torchvision's kernel, level by level, image by image in its lists."""
    align: Any = model.roi_heads.pool.align
    model.roi_heads.pool.align = partial(_level_by_level, **align.keywords)
    return nullcontext()


def _level_by_level(
    features: list[Tensor],
    boxes: Tensor,
    levels: Tensor,
    *,
    strides: list[int],
    size: int,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    """As `multilevel_roi_align`."""
    images, regions = levels.shape
    owners = torch.arange(images, device=boxes.device).repeat_interleave(regions)
    rows = torch.cat([owners[:, None].to(boxes.dtype), boxes.flatten(0, 1)], 1)
    channels = features[0].shape[1]
    pooled = at_least_float32(features[0]).new_zeros(len(rows), channels, size, size)
    for level, (feature, stride) in enumerate(zip(features, strides, strict=True)):
        chosen = (levels.flatten() == level).nonzero()[:, 0]
        maps = at_least_float32(feature)
        found = roi_align(maps, rows[chosen], size, 1 / stride, sampling_ratio, aligned)
        pooled = pooled.index_put((chosen,), found)
    return pooled


@contextmanager
def replaced(name: str, value: object, *modules: Any) -> Iterator[None]:
    """Lets modules have another function under a name while the context lasts."""
    kept = [getattr(module, name) for module in modules]
    for module in modules:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, old in zip(modules, kept, strict=True):
            setattr(module, name, old)


def suppress_in_plain_torch(_model: FasterRCNN) -> AbstractContextManager[None]:
    """NMS sweeps over the matrix of overlaps."""
    users = (detection.proposals, detection.postprocess)
    return replaced("nms_keep", nms_keep_reference, *users)


def match_by_whole_matrix(_model: FasterRCNN) -> AbstractContextManager[None]:
    """Anchors meet all ground truth at once."""
    return replaced("best_overlap", best_overlap_reference, detection.matcher)


def checkpoint(model: FasterRCNN) -> AbstractContextManager[None]:
    """Stages of the backbone keep their inputs only."""
    body: Any = model.backbone.get_submodule("body")
    body.checkpointed = frozenset(_STAGES)
    return nullcontext()


def compile_step(model: FasterRCNN) -> AbstractContextManager[None]:
    """What learns is compiled, before and behind the proposals; prediction stays as it is."""
    compile_parts(model, "cudagraphs", num_canvases=1)
    return nullcontext()


class Variant(NamedTuple):
    """A detector that differs in one thing."""

    change: Change
    precision: str = "bf16"


VARIANTS = {
    ALL_ON: Variant(lambda _: nullcontext()),
    "without folded norms": Variant(unfold_norms),
    "without channels last": Variant(make_contiguous),
    "without one pooling for all levels": Variant(pool_by_level),
    "without a kernel for NMS": Variant(suppress_in_plain_torch),
    "without matching in chunks": Variant(match_by_whole_matrix),
    "without bf16": Variant(lambda _: nullcontext(), "fp32"),
    "with checkpointed stages": Variant(checkpoint),
}
GPU_VARIANTS = VARIANTS | {"with compiled parts": Variant(compile_step)}


def variants(device: torch.device) -> dict[str, Variant]:
    """Those that are measured on a device: a CPU is not asked to compile."""
    return GPU_VARIANTS if device.type == "cuda" else VARIANTS


def make_jobs(
    variant: Variant, model: FasterRCNN, scene: Any, device: torch.device
) -> dict[str, Job]:
    """A training step without the update, and a prediction, in the variant's own precision.

    Args:
        variant: What differs.
        model: Is changed.
        scene: With B images and their targets.
        device: Of all.
    """
    context = partial(variant.change, model)
    lasting = context()
    again = not isinstance(lasting, nullcontext)

    def inside(job: Job) -> Job:
        def run() -> None:
            change = context() if again else nullcontext()
            with change, autocast(device, variant.precision):
                job()

        return run

    def step() -> None:
        losses = model.losses(scene.images, scene.targets)
        torch.stack(list(losses.values())).sum().backward()
        model.zero_grad()

    return {_TRAINED: inside(step), _PREDICTED: inside(lambda: model.predict(scene.images))}


def step_alone(name: str, plan: Plan, device: torch.device) -> Job:
    """The training step of a variant with nothing beside it."""
    scene = make_scene(plan, device)
    return make_jobs(variants(device)[name], scene.twins.ours, scene, device)[_TRAINED]


def measure(*, quick: bool, rounds: int | None) -> Report:
    """Times and weighs all variants."""
    device = pick_device()
    plan = PLANS["quick" if quick else device.type]
    chosen = variants(device)
    memory = {} if quick else {name: peak(partial(step_alone, name, plan)) for name in chosen}
    scene = make_scene(plan, device)
    jobs = {
        name: make_jobs(variant, deepcopy(scene.twins.ours), scene, device)
        for name, variant in chosen.items()
    }
    times = {
        what: take_turns(
            {name: own[what] for name, own in jobs.items()}, device, rounds or plan.rounds
        )
        for what in (_TRAINED, _PREDICTED)
    }
    rows = [
        [name, *(_times_as_long(found, name) for found in times.values()), *_as_much(memory, name)]
        for name in chosen
    ]
    heads = ["change", *(f"{what}, times as long" for what in times), "memory, times as much"]
    values = {"plan": plan, "times": times, "memory_mib": memory}
    return Report(values, {"changes": Table(heads[: len(rows[0])], rows)})


def _times_as_long(found: dict[str, Times], name: str) -> str:
    ratio = found[ALL_ON].faster_than(found[name], name)
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _as_much(memory: dict[str, float], name: str) -> list[str]:
    return [f"{memory[name] / memory[ALL_ON]:.2f}"] if memory else []


def main() -> None:
    """Measures, prints, writes."""
    options = parse(__doc__)
    publish("ablation", measure(quick=options.quick, rounds=options.rounds), options)


if __name__ == "__main__":
    main()
