"""The founding experiments of residual networks, each from one file of settings to a figure and a table.

They follow He et al. 2015 (arXiv:1512.03385) and 2016 (arXiv:1603.05027) and Srivastava et al. 2015 (arXiv:1505.00387).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from lightning.pytorch import seed_everything

from classification.build import build_network
from classification.curves import Curve, draw_curves
from classification.data import make_datamodule
from classification.layer_signals import LayerSignals, measure_layers
from classification.network import PooledNetwork
from classification.study_config import StudyConfig
from classification.study_runs import (
    StudyRun,
    final_error,
    final_training_error,
    runs_of,
    train_all,
    training_errors,
)
from classification.weights import load_classifier
from lumbar.files import atomic_write
from lumbar.training.checkpoint import write_json

_log = logging.getLogger(__name__)

Group = Sequence[StudyRun]
"""Runs of one network, one for each seed."""
Row = Mapping[str, Any]


class Findings(NamedTuple):
    """What a study found."""

    rows: Sequence[Row]
    """Of the table, one for each network."""
    figures: Mapping[str, Path]
    """By their titles."""

    def table(self, study: StudyConfig) -> str:
        """Renders the rows as Markdown."""
        head = [*self.rows[0]]
        lines = [[_cell(row[name]) for name in head] for row in self.rows]
        text = [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines)]
        seeds = f"Medians of {len(study.seeds)} seeds, lowest and highest in brackets."
        return "\n".join([study.question, "", *text, "", seeds])


def run_study(study: StudyConfig, output: Path) -> Findings:
    """Trains what is not trained yet, measures, and writes a table (.md, .json) and figures (.svg), named by it.

    Args:
        study: The settings, with absolute paths.
        output: Folder of the results and of the run folders.

    Raises:
        ValueError: There are no runs, data are missing or wrong, or a folder holds a run with other settings.
        Interrupted: The study was told to stop; the same command goes on.
    """
    runs = list(runs_of(study, output))
    if not runs:
        raise ValueError("runs: there are none; name the networks that are compared")
    train_all(runs)
    groups = {name: [run for run in runs if run.name == name] for name in study.runs}
    findings = _MEASURES[study.measure](study, groups, output)
    table = findings.table(study)
    with atomic_write(output / f"{study.measure}.md") as unfinished:
        unfinished.write_text(table + "\n", encoding="utf-8")
    write_json(output / f"{study.measure}.json", [dict(row) for row in findings.rows])
    _log.info("\n%s\n", table)
    for title, figure in findings.figures.items():
        _log.info("%-10s%s", title, figure)
    return findings


def _errors(study: StudyConfig, groups: Mapping[str, Group], output: Path) -> Findings:
    curves = [
        _curve(name, [training_errors(run) for run in group], colour)
        for colour, (name, group) in enumerate(groups.items())
    ]
    figure = output / "error.svg"
    draw_curves(figure, curves, title=study.question, axes=("step", "training error, %"))
    rows = [
        {
            "network": name,
            "training error, %": _spread([final_training_error(run) for run in group]),
            "test error, %": _spread([final_error(run) for run in group]),
            "paper": study.runs[name].paper,
        }
        for name, group in groups.items()
    ]
    return Findings(rows, {"error": figure})


def _layers(
    study: StudyConfig, groups: Mapping[str, Group], output: Path, *, shown: Sequence[str]
) -> Findings:
    curves: dict[str, list[Curve]] = {kind: [] for kind in shown}
    rows = []
    for colour, (name, group) in enumerate(groups.items()):
        for moment, make in _MOMENTS.items():
            signals = [_signals(study, run, make(run)) for run in group]
            row: dict[str, Any] = {"network": name, "when": moment}
            for kind in shown:
                columns = [_column(seed, kind) for seed in signals]
                curve = _curve(f"{name}, {moment}", columns, colour)
                curves[kind].append(curve._replace(dashed=moment == "before"))
                row |= _ends(kind, [[value for _, value in column] for column in columns])
            rows.append(row | {"paper": study.runs[name].paper})
    figures = {}
    for kind in shown:
        figures[kind] = output / f"{study.measure}_{kind}.svg"
        axes = ("layer, from the image on", _MEANINGS[kind])
        draw_curves(figures[kind], curves[kind], title=study.question, axes=axes, logarithmic=True)
    return Findings(rows, figures)


_MEASURES: Mapping[str, Callable[[StudyConfig, Mapping[str, Group], Path], Findings]] = {
    "error": _errors,
    "gradients": partial(_layers, shown=("gradients", "responses")),
    "responses": partial(_layers, shown=("responses",)),
}
_MEANINGS = {
    "gradients": "gradient of the loss behind the norm, root mean square",
    "responses": "standard deviation behind the norm",
}


def _untrained(run: StudyRun) -> PooledNetwork:
    """The network as its run begins."""
    names = load_classifier(str(run.folder.weights)).class_names
    seed_everything(run.config.seed, verbose=False)
    return build_network(run.config, len(names))[0]


def _trained(run: StudyRun) -> PooledNetwork:
    network = _untrained(run)
    network.load_state_dict(load_classifier(str(run.folder.weights)).state)
    return network


_MOMENTS = {"before": _untrained, "after": _trained}


def _signals(study: StudyConfig, run: StudyRun, network: PooledNetwork) -> LayerSignals:
    """Those of the first training images, all in one batch."""
    loading = {"eval_batch_size_per_device": study.probe_images, "workers": 0}
    train = run.config.data.train.model_copy(update={"limit": study.probe_images})
    data = make_datamodule(
        run.config.data.model_copy(update={**loading, "train": train}),
        in_channels=run.config.model.backbone.in_channels,
        seed=run.config.seed,
        class_names=load_classifier(str(run.folder.weights)).class_names,
    )
    batch = next(iter(data.plain_loader("train")))
    torch.manual_seed(run.config.seed)
    return measure_layers(network, batch.images, batch.targets)


def _column(signals: LayerSignals, kind: str) -> list[tuple[float, float]]:
    return [(float(layer + 1), value) for layer, value in enumerate(getattr(signals, kind))]


def _curve(name: str, seeds: Sequence[Sequence[tuple[float, float]]], colour: int) -> Curve:
    """The median over the seeds, and the range; as far as all of them go."""
    places = [
        (points[0][0], [value for _, value in points]) for points in zip(*seeds, strict=False)
    ]
    return Curve(
        name,
        [(x, median(values)) for x, values in places],
        [(x, min(values), max(values)) for x, values in places] if len(seeds) > 1 else (),
        colour,
    )


def _ends(kind: str, seeds: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    """Numbers of the table: how the first layers compare with the last, and the smallest of all."""
    if kind == "gradients":
        ratios = [values[0] / values[-1] if values[-1] else 0.0 for values in seeds]
        return {"gradient, first / last layer": _spread(ratios)}
    return {
        "response, mean": _spread([sum(values) / len(values) for values in seeds]),
        "response, smallest": _spread([min(values) for values in seeds]),
    }


def _spread(values: Sequence[float]) -> list[float]:
    """Median, lowest and highest."""
    return [median(values), min(values), max(values)]


def _cell(value: str | list[float]) -> str:
    if isinstance(value, str):
        return value
    middle, low, high = (f"{number:.3g}" for number in value)
    return middle if low == high else f"{middle} ({low} to {high})"
