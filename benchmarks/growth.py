"""How time and memory of our detector grow: with images, pixels, objects, proposals and workers.

Training steps in bf16; proposals are those of a prediction, as training samples 512 whatever there is. usage:

    python benchmarks/growth.py [--quick] [--rounds 3] [--output FOLDER]
"""

import math
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from benchmarks.detection import NUM_CLASSES, make_batch, make_step
from benchmarks.detection import Plan as Scene
from benchmarks.evaluation import photographs
from benchmarks.report import Ratio, Report, Table, parse, publish
from benchmarks.timing import Job, autocast, peak, pick_device, seconds, take_turns
from detection.build import make_detector
from detection.config import ModelConfig
from detection.faster_rcnn import FasterRCNN
from lumbar.ops.structures import Images, Targets
from lumbar.tasks.curves import Curve, draw_curves

PRECISION = "bf16"
FLAT = 0.95
"""Memory for one object, as a part of that for as many as there may be."""


class Setup(NamedTuple):
    """One step or prediction."""

    batch: int
    size: int
    """Pixels of the images' edges."""
    objects: int = 8
    proposals: int | None = None
    """Of a prediction; None is a training step."""


class Plan(NamedTuple):
    """What grows, on a kind of device."""

    batches: Sequence[int]
    sizes: Sequence[int]
    objects: Sequence[int]
    proposals: Sequence[int]
    workers: Sequence[int]
    rounds: int

    def axes(self) -> dict[str, dict[int, Setup]]:
        """Setups that differ in one number, by its name and value."""
        batch, size = self.batches[0], self.sizes[0]
        return {
            "images": {n: Setup(n, size) for n in self.batches},
            "pixels of an edge": {n: Setup(batch, n) for n in self.sizes},
            "objects": {n: Setup(batch, size, objects=n) for n in self.objects},
            "proposals": {n: Setup(batch, size, proposals=n) for n in self.proposals},
        }


PLANS = {
    "cpu": Plan((1, 2, 4), (256, 384, 512), (1, 32, 500), (250, 1000, 4000), (0, 1, 2), 3),
    "cuda": Plan((4, 8, 16, 32), (512, 1024, 1536), (1, 32, 500), (250, 1000, 4000), (1, 4, 8), 10),
    "quick": Plan((1, 2), (96, 160), (1, 500), (250, 1000), (0, 1), 1),
}


class Cost(NamedTuple):
    """Of one setup."""

    seconds: float
    memory_mib: float | None
    """None where it was not weighed."""


def make_model(device: torch.device) -> FasterRCNN:
    """R50-FPN without weights of anyone."""
    torch.manual_seed(0)
    backbone = {"weights": "none", "norm": "batch", "freeze": ()}
    model = make_detector(ModelConfig.model_validate({"backbone": backbone}), NUM_CLASSES)
    model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def make_job(setup: Setup, model: FasterRCNN, device: torch.device) -> Job:
    """A training step, or a prediction."""
    size, batch = setup.size, setup.batch
    images, targets = make_batch(Scene(size, size, batch, (1, batch), 0, setup.objects))
    images = Images(*(part.to(device) for part in images))
    targets = Targets(*(part.to(device) for part in targets))
    proposals = setup.proposals
    if proposals is None:
        return make_step(model, lambda: model.losses(images, targets))

    def predict() -> None:
        selector = model.rpn.test_selector
        selector.pre_nms = selector.post_nms = proposals
        model.predict(images)

    return predict


def job_alone(setup: Setup, device: torch.device) -> Job:
    """The same with a model of its own, in the precision that is measured."""
    job = make_job(setup, make_model(device), device)

    def mixed() -> None:
        with autocast(device, PRECISION):
            job()

    return mixed


def grow(
    axes: Mapping[str, Mapping[int, Setup]], device: torch.device, rounds: int, *, quick: bool
) -> dict[str, dict[int, Cost]]:
    """Times the setups of each axis in turns, and weighs each in a process of its own.

    Args:
        axes: Setups by what differs and its value.
        device: Where they work.
        rounds: Timed rounds.
        quick: Weighs only where memory is to be flat.
    """
    found: dict[str, dict[int, Cost]] = {}
    for name, setups in axes.items():
        weighed = {
            value: peak(partial(job_alone, setup))
            for value, setup in setups.items()
            if name == "objects" or not quick
        }
        model = make_model(device)
        jobs = {str(value): make_job(setup, model, device) for value, setup in setups.items()}
        times = take_turns(jobs, device, rounds, PRECISION)
        found[name] = {
            value: Cost(times[str(value)].median, weighed.get(value)) for value in setups
        }
    return found


def load(workers: Sequence[int], short: int) -> dict[int, float]:
    """Images a second that the loader hands over once its workers run, by their number."""
    device = torch.device("cpu")
    speeds = {}
    for count in workers:
        data = photographs([f"data.resize.test_short={short}", f"data.workers={count}"])
        loader = data.val_dataloader()
        batches = iter(loader)
        first = len(next(batches).image_ids)
        # Not to the end, at which workers are waited for.
        taken = seconds(partial(list, islice(batches, len(loader) - 1)), device)
        speeds[count] = (len(data.records("val")) - first) / taken
    return speeds


def relative(costs: Mapping[int, float]) -> list[tuple[float, float]]:
    """Doublings of what grows, and how many times as much it costs as at first."""
    (first, cost), *_ = costs.items()
    return [(math.log2(value / first), other / cost) for value, other in costs.items()]


def measure(*, quick: bool, rounds: int | None) -> Report:
    """Times and weighs all setups."""
    device = pick_device()
    plan = PLANS["quick" if quick else device.type]
    grown = grow(plan.axes(), device, rounds or plan.rounds, quick=quick)
    speeds = load(plan.workers, plan.sizes[-1])
    rows = [
        [name, str(value), f"{cost.seconds * 1e3:.0f}", _shown(cost.memory_mib)]
        for name, costs in grown.items()
        for value, cost in costs.items()
    ]
    tables = {
        "costs": Table(["what grows", "to", "ms", "MiB"], rows),
        "workers": Table(
            ["workers", "images/s"], [[str(n), f"{v:.1f}"] for n, v in speeds.items()]
        ),
    }
    weights = [cost.memory_mib or math.nan for cost in grown["objects"].values()]
    flat = weights[0] / weights[-1]
    few, many = plan.objects[0], plan.objects[-1]
    ratio = Ratio(f"memory of {few} object beside that of {many}", flat, flat, flat, FLAT)
    time_curves = {
        name: relative({value: cost.seconds for value, cost in costs.items()})
        for name, costs in grown.items()
    }
    memory_curves = {
        name: relative({value: cost.memory_mib or 0 for value, cost in costs.items()})
        for name, costs in grown.items()
        if None not in {cost.memory_mib for cost in costs.values()}
    }
    plots = {
        what: partial(
            draw_curves,
            curves=[
                Curve(name, points, colour=n) for n, (name, points) in enumerate(grown.items())
            ],
            title=f"{what.capitalize()} of a step as it grows",
            axes=("doublings", f"{what}, as a multiple"),
        )
        for what, grown in (("time", time_curves), ("memory", memory_curves))
    }
    return Report(
        {"plan": plan, "costs": grown, "images_per_second": speeds}, tables, [ratio], plots
    )


def _shown(mib: float | None) -> str:
    return "" if mib is None else f"{mib:.0f}"


def main() -> None:
    """Measures, prints, writes."""
    options = parse(__doc__)
    publish("growth", measure(quick=options.quick, rounds=options.rounds), options)


if __name__ == "__main__":
    main()
