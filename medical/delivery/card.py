"""The model card: what an exported network is for, what it was made of, and how far it can be trusted.

It names no patient, no case and no file of the data.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lumbar.data.pixel_classes import PixelClasses
from medical.scans.decision import Decision
from medical.scans.preprocess import Preprocess

_NUMBERS: Mapping[str, str] = {
    "case/dice": "Dice",
    "pooled/dice": "pooled Dice",
    "case/hd95": "HD95",
    "case/surface_dice": "surface Dice",
    "lesion/sensitivity": "lesions found",
    "lesion/false_per_case": "false lesions per case",
}
"""Columns of the table of scores by the names of the report."""


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What a card says."""

    classes: PixelClasses
    preprocess: Preprocess
    decision: Decision
    modality: str
    """rgb, gray, ct or mr."""
    network: str
    """Of each fold."""
    folds: int
    cases: int
    patients: int
    assumptions: Sequence[str]
    """On the data."""
    summary: Mapping[str, Any] | None
    """Of the report, `Summary.to_dict`; None where there is no report."""
    verified: str
    """What came of the comparison with torch."""
    versions: Mapping[str, str]
    hashes: Mapping[str, str]


def model_card(facts: CardFacts) -> str:
    """Writes the card in Markdown."""
    foreground = ", ".join(facts.classes.names[1:])
    parts = {
        f"Segmentation of {foreground}": _about(facts),
        "Intended use": _use(foreground),
        "Data": _data(facts),
        "How well it does": _scores(facts.summary, facts.classes),
        "Limits": _limits(facts),
        "How to run it": _running(facts.verified),
        "Versions and hashes": _origin(facts),
    }
    sections = []
    for level, (title, lines) in enumerate(parts.items()):
        sections.append("\n".join([f"{'##' if level else '#'} {title}", "", *lines]))
    return "\n\n".join(sections) + "\n"


def _about(facts: CardFacts) -> Iterator[str]:
    preprocess, decision = facts.preprocess, facts.decision
    seen = "slice by slice"
    if preprocess.slices > 1:
        seen += f", each with its neighbours ({preprocess.slices} slices together, 2.5D)"
    yield f"It labels each pixel as one of: {', '.join(facts.classes.names)}. It looks at images {seen}."
    yield ""
    yield (
        f"{facts.folds} networks ({facts.network}), each trained without another part of the patients, are asked "
        "together; the mean of their probabilities counts."
    )
    yield ""
    yield (
        f"Probabilities are calibrated by a temperature of {decision.temperature:.3g}; a pixel is not background where "
        f"the other classes together have {decision.threshold:.3g} or more. Both were fitted on patients that the "
        "networks had not seen."
    )


def _use(foreground: str) -> Iterator[str]:
    yield (
        f"Research, and drafts of the contours of {foreground} that a person checks, in images like those below. It is "
        "no medical device, and nobody has tested it for decisions about patients."
    )


def _data(facts: CardFacts) -> Iterator[str]:
    preprocess = facts.preprocess
    plane = preprocess.plane or "those with the finest pixels"
    spacing = "their own" if preprocess.spacing is None else f"{preprocess.spacing:g} mm"
    yield f"- {facts.cases} cases of {facts.patients} patients"
    yield f"- modality {facts.modality}, channels of an image: {preprocess.channels}"
    yield f"- intensities by {preprocess.intensity.kind}"
    yield f"- slices of scans: {plane}; size of their pixels: {spacing}, enlarged by {preprocess.zoom:g}"
    yield from (f"- {sentence}" for sentence in facts.assumptions)


def _scores(summary: Mapping[str, Any] | None, classes: PixelClasses) -> Iterator[str]:
    if summary is None:
        yield "Unknown: there was no report when this was exported. `medical.py report RUN` writes one."
        return
    yield (
        "Every case was predicted by the network that had seen none of its patient; in brackets, 95 % intervals from "
        f"resampling patients. Distances are in {summary['unit']}."
    )
    yield ""
    titles = ["class", "cases with it", "missed", "healthy", "false alarms", *_NUMBERS.values()]
    yield f"| {' | '.join(titles)} |"
    yield f"|{' --- |' * len(titles)}"
    for name in classes.names[1:]:
        yield f"| {' | '.join([name, *_cells(summary, name)])} |"


def _cells(summary: Mapping[str, Any], name: str) -> Iterator[str]:
    counts, numbers = summary["counts"][name], summary["classes"][name]
    yield str(counts["scored"] + counts["missed"])
    yield str(counts["missed"])
    yield str(counts["false_alarm"] + counts["correctly_empty"])
    yield str(counts["false_alarm"])
    yield from (_estimate(numbers[key]) for key in _NUMBERS)


def _estimate(estimate: Sequence[float | None]) -> str:
    value, low, high = estimate
    if value is None:
        return "unknown"
    return f"{value:.3g}" if low is None or high is None else f"{value:.3g} [{low:.3g}, {high:.3g}]"


def _limits(facts: CardFacts) -> Iterator[str]:
    yield (
        f"- It has learned from {facts.patients} patients. What is said above is about others like them; of other "
        "scanners, hospitals, ages and diseases it says nothing."
    )
    yield "- It sees slices, not volumes: what only the third dimension shows, it cannot know."
    yield "- It always answers. An image of something else gets labels, too."
    review = facts.decision.review_below
    yield (
        "- Nobody has said below which expected Dice a person should look."
        if review is None
        else f'- Cases with an expected Dice below {review:.2f} are marked "please review"; others can be wrong, too.'
    )


def _running(verified: str) -> Iterator[str]:
    yield "    pip install -r runner/requirements.txt"
    yield "    python runner/predict.py SCAN... --output FOLDER"
    yield ""
    yield (
        "The runner needs neither torch nor lightning. `model.onnx` gives probabilities (B, K, H, W) for `images` "
        "(B, C, H, W) of 0 to 255 and their `sizes` (B, 2); `preprocess.json` says what is done before and after. "
        f"{verified}"
    )


def _origin(facts: CardFacts) -> Iterator[str]:
    yield from (f"- {name} {version}" for name, version in facts.versions.items())
    yield from (f"- {name}: sha256 {digest}" for name, digest in facts.hashes.items())
