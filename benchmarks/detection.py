"""Faster R-CNN R50-FPN beside torchvision's: a training step and predictions, in one run, alternating.

Both have the same weights, trainable layers, images, boxes and optimiser; frozen norms carry the statistics of the
images, so that both pool 512 regions of each image in training and 1000 in prediction, as trained networks do.
torchvision runs as a good user would run it: under autocast, and with either memory format. usage:

    python benchmarks/detection.py [--quick] [--rounds 5] [--output FOLDER]
"""

import sys
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor, nn

from benchmarks.detection_stages import stages
from benchmarks.photos import load_photos
from benchmarks.race import COMPILED, WORK, Goals, Race, race, shown
from benchmarks.report import Ratio, Report, Table, parse, publish
from benchmarks.roofline import Work, count_work, fakes
from benchmarks.timing import DTYPES, Job, autocast, peak, pick_device
from benchmarks.twins import Twins, make_twins
from detection.build import make_detector
from detection.config import ModelConfig
from lumbar.ops.structures import Images, Targets
from lumbar.training.compiling import compile_parts

NUM_CLASSES = 80
FROZEN = ("stem", "layer1")
OURS = "lumbar"
PEERS = ("torchvision", "torchvision, channels last")


class Plan(NamedTuple):
    """What is run on a kind of device."""

    height: int
    width: int
    batch: int
    """Images of a training step."""
    predicted: tuple[int, ...]
    """Images of each prediction."""
    rounds: int
    objects: int = 8


PLANS = {
    "cpu": Plan(512, 512, 2, (1, 2), 5),
    "cuda": Plan(800, 1344, 16, (1, 8), 20),
    "quick": Plan(96, 96, 1, (1,), 1),
}
_TRAINED = "train step"
GOALS: dict[str, Goals] = {
    "cpu": {
        precision: dict.fromkeys((_TRAINED, "predict 1", "predict 2"), goal)
        for precision, goal in (("fp32", 1.15), ("bf16", 1.3))
    },
    "cuda": {"bf16": {_TRAINED: 4.0, "predict 1": 3.0, "predict 8": 3.0}},
}
MIXED_GOAL = 2.0
MEMORY_GOAL = 1 / 0.6


class Scene(NamedTuple):
    """Both detectors and one batch, in both formats, on one device."""

    twins: Twins
    pictures: list[Tensor]
    truths: list[dict[str, Tensor]]
    images: Images
    targets: Targets


def make_batch(plan: Plan) -> tuple[Images, Targets]:
    """B photographs of one size with made-up boxes."""
    torch.manual_seed(0)
    canvas = load_photos(plan.batch, plan.height, plan.width)
    size = torch.tensor([plan.width, plan.height])
    corners = torch.rand(plan.batch, plan.objects, 2) * size * 0.6
    extents = 10 + torch.rand(plan.batch, plan.objects, 2) * size * 0.35
    boxes = torch.cat([corners, corners + extents], -1)
    labels = torch.randint(NUM_CLASSES, (plan.batch, plan.objects))
    sizes = torch.tensor([[plan.height, plan.width]] * plan.batch)
    seeds = torch.arange(plan.batch)
    return Images(canvas, sizes, sizes), Targets(
        boxes, labels, torch.ones_like(labels).bool(), seeds
    )


def make_scene(plan: Plan, device: torch.device) -> Scene:
    """Both detectors and a batch for them."""
    images, targets = make_batch(plan)
    pixels = images.canvas / 255
    twins = make_twins((pixels[:2] - 0.45) / 0.225, num_classes=NUM_CLASSES, frozen=FROZEN)
    for model in twins:
        model.to(device)
    twins.ours.to(memory_format=torch.channels_last)
    images = Images(*(part.to(device) for part in images))
    targets = Targets(*(part.to(device) for part in targets))
    pairs = zip(targets.boxes, targets.labels, strict=True)
    truths = [{"boxes": box, "labels": label + 1} for box, label in pairs]
    return Scene(twins, list(pixels.to(device)), truths, images, targets)


def make_step(model: nn.Module, losses: Callable[[], dict[str, Tensor]]) -> Job:
    """Forward and backward of losses, each a scalar, and an update; its rate is zero, so that all steps are alike."""
    parameters = [part for part in model.parameters() if part.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=0.0, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        torch.stack(list(losses().values())).sum().backward()
        # Outside of autocast in training loops; here it has nothing to cast.
        optimizer.step()

    return step


def jobs_of(name: str, scene: Scene, plan: Plan) -> dict[tuple[str, str], Job]:
    """What is timed of one contender, by (what, whose).

    Args:
        name: One of `PEERS`, `OURS`, or ours "compiled".
        scene: With B images.
        plan: How many images are predicted.
    """
    predictions = {f"predict {count}": count for count in plan.predicted}
    if name in PEERS:
        layout = torch.channels_last if name.endswith("last") else torch.contiguous_format
        theirs = deepcopy(scene.twins.theirs).to(memory_format=layout)
        step = make_step(theirs, lambda: theirs.train()(scene.pictures, scene.truths))
        jobs: dict[str, Job] = {
            what: partial(_their_prediction, theirs, scene.pictures[:count])
            for what, count in predictions.items()
        }
    else:
        ours = deepcopy(scene.twins.ours)
        if name != OURS:
            # Prediction is never compiled: a canvas may come once.
            compile_parts(ours, "cudagraphs", num_canvases=1)
            predictions = {}
        step = make_step(ours, lambda: ours.losses(scene.images, scene.targets))
        jobs = {
            what: partial(ours.predict, Images(*(part[:count] for part in scene.images)))
            for what, count in predictions.items()
        }
    return {(what, name): job for what, job in {_TRAINED: step, **jobs}.items()}


@torch.no_grad()
def _their_prediction(model: nn.Module, pictures: list[Tensor]) -> None:
    model.eval()(pictures)


def training_step(name: str, plan: Plan, device: torch.device) -> Job:
    """The training step of a contender in bf16."""
    step = jobs_of(name, make_scene(plan, device), plan)[_TRAINED, name]

    def mixed() -> None:
        with autocast(device, "bf16"):
            step()

    return mixed


def work_on_gpu() -> dict[str, Work]:
    """What our jobs ask for at the size for a GPU in bf16, counted on tensors without values."""
    plan = PLANS["cuda"]
    images, targets = make_batch(plan)
    with fakes() as mode, autocast(torch.device("cpu"), "bf16"):
        backbone = {"weights": "none", "norm": "frozen", "freeze": ()}
        model = make_detector(ModelConfig.model_validate({"backbone": backbone}), NUM_CLASSES)
        body: Any = model.backbone.get_submodule("body")
        body.freeze(FROZEN)
        images = Images(*map(mode.from_tensor, images))
        targets = Targets(*map(mode.from_tensor, targets))
        step = make_step(model, lambda: model.losses(images, targets))
        jobs: dict[str, Job] = {_TRAINED: step}
        for count in plan.predicted:
            few = Images(*(part[:count] for part in images))
            jobs[f"predict {count}"] = partial(model.predict, few)
        return {what: count_work(job) for what, job in jobs.items()}


def measure(*, quick: bool, rounds: int | None) -> Report:
    """Times both detectors, counts their work, and finds where a step of ours spends its time."""
    device = pick_device()
    plan = PLANS["quick" if quick else device.type]
    rounds = rounds or plan.rounds
    names = (*PEERS, OURS, *[OURS + COMPILED] * (device.type == "cuda"))
    # Before this process holds memory of the device.
    memory = {} if quick else {n: peak(partial(training_step, n, plan)) for n in (PEERS[1], OURS)}
    scene = make_scene(plan, device)
    jobs = {key: job for name in names for key, job in jobs_of(name, scene, plan).items()}
    found = race(jobs, device, rounds)
    spent = {p: stages(scene.twins.ours, scene, device, p, rounds) for p in DTYPES}
    tables = found.tables(PEERS) | {"stages": _stages_table(spent)}
    ratios = found.ratios("R50-FPN", OURS, PEERS, GOALS[device.type]) + _across_precisions(found)
    values = {"plan": plan, **found._asdict(), "stages": spent, "memory_mib": memory}
    if not quick:
        saved = memory[PEERS[1]] / memory[OURS]
        goal = MEMORY_GOAL if device.type == "cuda" else None
        ratios.append(Ratio("R50-FPN memory of a train step, bf16", saved, saved, saved, goal))
        values["work_on_gpu"] = work_on_gpu()
        mib = [[name, f"{found:.0f}"] for name, found in memory.items()]
        asked = [[what, *shown(work)] for what, work in values["work_on_gpu"].items()]
        tables["memory"] = Table(["network", "MiB of a train step in bf16"], mib)
        tables["work on a GPU"] = Table(["job, bf16", *WORK], asked)
    return Report(values, tables, ratios)


def _across_precisions(found: Race) -> list[Ratio]:
    """Our bf16 beside their fp32."""
    return [
        found.times["bf16"][what][OURS].faster_than(
            found.peer("fp32", what, PEERS), f"R50-FPN {what}, bf16 beside fp32", MIXED_GOAL
        )
        for what in found.times["fp32"]
    ]


def _stages_table(spent: dict[str, dict[str, float]]) -> Table:
    totals = {precision: sum(stages.values()) for precision, stages in spent.items()}
    rows = [
        [
            name,
            *(f"{stages[name] * 1e3:.1f}" for stages in spent.values()),
            *(f"{stages[name] / totals[precision]:.0%}" for precision, stages in spent.items()),
        ]
        for name in spent["fp32"]
    ]
    return Table(["stage", *(f"ms, {p}" for p in spent), *(f"share, {p}" for p in spent)], rows)


def main() -> None:
    """Measures, prints, writes."""
    options = parse(__doc__)
    publish("detection", measure(quick=options.quick, rounds=options.rounds), options)


if __name__ == "__main__":
    main()
