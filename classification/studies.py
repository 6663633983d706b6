"""The founding experiments of residual networks as classifiers, each from one file of settings to a figure and a table.

They follow He et al. 2015 (arXiv:1512.03385) and 2016 (arXiv:1603.05027) and Srivastava et al. 2015 (arXiv:1505.00387).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import seed_everything

from classification.build import build_network
from classification.data import make_datamodule
from classification.layer_signals import LayerSignals, measure_layers
from classification.network import PooledNetwork
from classification.study_config import ClassifierStudyConfig
from classification.study_errors import Run, final_error, final_training_error, training_errors
from classification.train import train
from classification.weights import load_classifier
from lumbar.tasks.curves import Curve, draw_curves, seeds_curve
from lumbar.tasks.study import Findings, Study, spread

Groups = Mapping[str, Sequence[Run]]


def _errors(study: ClassifierStudyConfig, groups: Groups, output: Path) -> Findings:
    curves = [
        seeds_curve(name, [training_errors(run) for run in group], colour=colour)
        for colour, (name, group) in enumerate(groups.items())
    ]
    figure = output / "error.svg"
    draw_curves(
        figure, curves, title=study.question, axes=("step", "training error, %"), logarithmic=True
    )
    rows = [
        {
            "network": name,
            "training error, %": spread([final_training_error(run) for run in group]),
            "test error, %": spread([final_error(run) for run in group]),
            "paper": study.runs[name].paper,
        }
        for name, group in groups.items()
    ]
    return Findings(rows, {"error": figure})


def _layers(
    study: ClassifierStudyConfig, groups: Groups, output: Path, *, shown: Sequence[str]
) -> Findings:
    curves: dict[str, list[Curve]] = {kind: [] for kind in shown}
    rows = []
    for colour, (name, group) in enumerate(groups.items()):
        for moment, make in _MOMENTS.items():
            signals = [_signals(study, run, make(run)) for run in group]
            row: dict[str, Any] = {"network": name, "when": moment}
            for kind in shown:
                columns = [_column(seed, kind) for seed in signals]
                curve = seeds_curve(f"{name}, {moment}", columns, colour=colour)
                curves[kind].append(curve._replace(dashed=moment == "before"))
                row |= _ends(kind, [[value for _, value in column] for column in columns])
            rows.append(row | {"paper": study.runs[name].paper})
    figures = {}
    for kind in shown:
        figures[kind] = output / f"{study.measure}_{kind}.svg"
        axes = ("layer, from the image on", _MEANINGS[kind])
        draw_curves(figures[kind], curves[kind], title=study.question, axes=axes, logarithmic=True)
    return Findings(rows, figures)


_MEANINGS = {
    "gradients": "gradient of the loss behind the norm, root mean square",
    "responses": "standard deviation behind the norm",
}


def _untrained(run: Run) -> PooledNetwork:
    """The network as its run begins."""
    names = load_classifier(str(run.folder.weights)).class_names
    seed_everything(run.config.seed, verbose=False)
    return build_network(run.config, len(names))[0]


def _trained(run: Run) -> PooledNetwork:
    network = _untrained(run)
    network.load_state_dict(load_classifier(str(run.folder.weights)).state)
    return network


_MOMENTS = {"before": _untrained, "after": _trained}


def _signals(study: ClassifierStudyConfig, run: Run, network: PooledNetwork) -> LayerSignals:
    """Those of the first training images, all in one batch."""
    loading = {"eval_batch_size_per_device": study.probe_images, "workers": 0}
    first = run.config.data.train.model_copy(update={"limit": study.probe_images})
    data = make_datamodule(
        run.config.data.model_copy(update={**loading, "train": first}),
        in_channels=run.config.model.backbone.in_channels,
        seed=run.config.seed,
        class_names=load_classifier(str(run.folder.weights)).class_names,
    )
    batch = next(iter(data.plain_loader("train")))
    torch.manual_seed(run.config.seed)
    return measure_layers(network, batch.images, batch.targets)


def _column(signals: LayerSignals, kind: str) -> list[tuple[float, float]]:
    return [(float(layer + 1), value) for layer, value in enumerate(getattr(signals, kind))]


def _ends(kind: str, seeds: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    """Numbers of the table: how the first layers compare with the last, and the smallest of all."""
    if kind == "gradients":
        ratios = [values[0] / values[-1] if values[-1] else 0.0 for values in seeds]
        return {"gradient, first / last layer": spread(ratios)}
    return {
        "response, mean": spread([sum(values) / len(values) for values in seeds]),
        "response, smallest": spread([min(values) for values in seeds]),
    }


run_study = Study[ClassifierStudyConfig](
    train,
    {
        "error": _errors,
        "gradients": partial(_layers, shown=("gradients", "responses")),
        "responses": partial(_layers, shown=("responses",)),
    },
)
