"""Every `auto` of the settings decided from the facts, with the reason in words; shown by check, used by fit."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from medical.scans.intensity import Intensity
from medical.scans.intensity import Kind as IntensityKind
from medical.scans.preprocess import Flip, Preprocess
from medical.study.config import MedicalConfig
from medical.study.facts import PERCENTILES, CaseFacts, data_hash
from medical.study.typical import (
    PERCENT,
    in_plane,
    labelled_range,
    share_where_any,
    typical_across,
    typical_spacing,
)
from segmentation.loss_config import (
    CrossEntropyConfig,
    DiceConfig,
    LossConfig,
    Losses,
    TverskyConfig,
)

Modality = Literal["rgb", "gray", "ct", "mr"]
T = TypeVar("T")

AIR = -200.0
"""Below it no MR and no picture has values, but everything around a patient in CT."""
_SMALLEST_MARGIN = 50.0
"""Hounsfield units that a window shows at least below and above the labelled tissue."""
_ZOOMS = (1.0, 1.5, 2.0, 3.0, 4.0)
_WANTED_ACROSS = 24
"""Pixels: six of the finest map, whose stride is 4."""
_SHORTEST_EDGE, _LONGEST_SHORT_EDGE = 128, 768
_MULTIPLE = 32
_LARGEST_TILE = {False: 256, True: 512}
"""On the CPU, on a GPU."""
_LARGE_CASES = 90
"""Percent of the cases that a tile holds whole, if it may be that large."""
_TINY_SHARE, _TINY_ACROSS = 0.005, 10
"""Of the slices that have any; in pixels after the zoom."""
_BITS_OF_A_PICTURE = 8


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Settings without any `auto`."""

    modality: Modality
    preprocess: Preprocess
    """What is done to scans, and how they are looked at in prediction."""
    losses: Losses
    flips: tuple[Flip, ...]
    """Mirrorings in training."""
    reasons: Mapping[str, str]
    """Why each was chosen, by its name in the settings."""
    data_hash: str
    """Of all images and masks."""

    def to_dict(self) -> dict[str, Any]:
        """Returns everything in plain values, ready for JSON."""
        return {
            "modality": self.modality,
            "preprocess": self.preprocess.to_dict(),
            "losses": [loss.model_dump(mode="json") for loss in self.losses],
            "flips": [*self.flips],
            "reasons": dict(self.reasons),
            "data_hash": self.data_hash,
        }


class _Chosen(NamedTuple):
    """A value, and why."""

    value: Any
    reason: str


def resolve(config: MedicalConfig, facts: Sequence[CaseFacts], *, gpu: bool = False) -> Resolved:
    """Decides what the settings leave open; what they say stays.

    Args:
        config: The settings.
        facts: Of all cases that can be read.
        gpu: Whether it is for a GPU, which holds larger patches.

    Raises:
        ValueError: There are no facts.
    """
    if not facts:
        raise ValueError("none of the cases can be read, so that nothing can be decided from them")
    modality = _modality(config, facts)
    channels = _channels(modality.value, facts)
    intensity = _intensity(config, modality.value, facts)
    plane = _plane(config, facts)
    zoom = _zoom(config, facts)
    tile = _tile(config, facts, zoom.value, gpu=gpu)
    flips = _flips(config, facts)
    views = _given(config.flips, "auto", _Chosen(flips.value, "those of the training"))
    losses = _losses(config, facts, zoom.value)
    chosen = {
        "modality": modality,
        "channels": channels,
        "intensity": intensity,
        "plane": plane,
        "spacing": _spacing(config, facts),
        "zoom": zoom,
        "patch": tile,
        "augment.flips": flips,
        "flips": views,
        "losses": losses,
    }
    return Resolved(
        modality=modality.value,
        preprocess=Preprocess(
            intensity=intensity.value,
            plane=plane.value,
            spacing=config.spacing,
            zoom=zoom.value,
            slices=config.slices,
            channels=channels.value,
            tile=tile.value,
            overlap=config.overlap,
            flips=views.value,
            multiple=_MULTIPLE,
        ),
        losses=losses.value,
        flips=flips.value,
        reasons={name: choice.reason for name, choice in chosen.items()},
        data_hash=data_hash(facts),
    )


def _given(value: T, auto: object, otherwise: _Chosen) -> _Chosen:
    return otherwise if value == auto else _Chosen(value, "as the settings say")


def _modality(config: MedicalConfig, facts: Sequence[CaseFacts]) -> _Chosen:
    pictures = [case for case in facts if case.kind == "picture"]
    colours = [case for case in facts if case.colour and not case.grey]
    headers = Counter(case.modality for case in facts if case.modality)
    if colours:
        guess = _Chosen("rgb", f"{len(colours)} of {len(facts)} images are in colour")
    elif 2 * len(pictures) > len(facts):
        stored = any(case.colour for case in pictures)
        how = "the three channels of all images are the same" if stored else "grey pictures"
        guess = _Chosen("gray", how)
    elif headers:
        name, _ = headers.most_common(1)[0]
        guess = _Chosen({"CT": "ct", "MR": "mr"}.get(name, "gray"), f"the headers say {name}")
    else:
        low = sum(case.values[0] < AIR for case in facts)
        guess = _Chosen("mr", f"no header says what the scans are, and none is below {AIR:g}")
        if 2 * low > len(facts):
            guess = _Chosen("ct", f"{low} of {len(facts)} scans have values below {AIR:g}")
    return _given(config.modality, "auto", guess)


def _channels(modality: Modality, facts: Sequence[CaseFacts]) -> _Chosen:
    if modality == "rgb":
        return _Chosen(3, "red, green and blue")
    if modality == "gray" and all(case.colour or case.channels == 1 for case in facts):
        return _Chosen(1, "grey")
    count, _ = Counter(case.channels for case in facts).most_common(1)[0]
    return _Chosen(count, "the number of files of an image, or of channels in them")


def _intensity(config: MedicalConfig, modality: Modality, facts: Sequence[CaseFacts]) -> _Chosen:
    deep = any(case.bits > _BITS_OF_A_PICTURE for case in facts)
    guesses: Mapping[Modality, tuple[IntensityKind, str]] = {
        "ct": ("window", "Hounsfield units mean the same in each scan"),
        "mr": ("zscore", "the unit of MR differs from scan to scan"),
        "gray": ("percentile", "the pictures have more than 8 bits")
        if deep
        else ("none", "the pictures have 8 bits"),
        "rgb": ("none", "colours are taken as they are"),
    }
    kind, reason = _given(config.intensity, "auto", _Chosen(*guesses[modality]))
    if kind == "window":
        low, high, why = _window(config, facts)
        return _Chosen(Intensity("window", low, high), f"{reason}; {why}")
    if kind == "percentile":
        return _Chosen(Intensity(kind, *PERCENT), f"{reason}; from {PERCENT[0]} to {PERCENT[1]}")
    return _Chosen(Intensity(kind), reason)


def _window(config: MedicalConfig, facts: Sequence[CaseFacts]) -> tuple[float, float, str]:
    if config.window is not None:
        return *config.window, "the window of the settings"
    tissue = labelled_range(facts)
    if tissue is None:
        low, high = (
            median(case.values[PERCENTILES.index(percent)] for case in facts) for percent in PERCENT
        )
        return low, max(high, low + 1), "nothing is labelled, so that it holds all values"
    low, high = tissue
    margin = max((high - low) / 2, _SMALLEST_MARGIN)
    why = f"labelled tissue has {low:g} to {high:g}, and a window half as wide again on each side shows what is around"
    return float(np.floor((low - margin) / 10) * 10), float(np.ceil((high + margin) / 10) * 10), why


def _plane(config: MedicalConfig, facts: Sequence[CaseFacts]) -> _Chosen:
    planes = Counter(case.plane for case in facts if case.plane is not None)
    if not planes:
        return _Chosen(None, "pictures have no planes")
    most, count = planes.most_common(1)[0]
    reason = f"{count} of {sum(planes.values())} scans have their finest pixels in it, or the same in all"
    guess: _Chosen = _Chosen(most, reason)
    return _given(config.plane, "auto", guess)


def _spacing(config: MedicalConfig, facts: Sequence[CaseFacts]) -> _Chosen:
    typical = typical_spacing(facts)
    if config.spacing is not None:
        return _Chosen(config.spacing, "as the settings say")
    if typical is None:
        return _Chosen(None, "pictures have no millimetres")
    return _Chosen(None, f"each scan keeps its own, {typical:g} mm in the middle")


def _zoom(config: MedicalConfig, facts: Sequence[CaseFacts]) -> _Chosen:
    edge = median(min(in_plane(case, config.spacing)) for case in facts)
    across = typical_across(facts, config.spacing)
    wanted = _WANTED_ACROSS / min(across.values()) if across else 1.0
    by_size = min(_ZOOMS, key=lambda zoom: abs(np.log(zoom / wanted)))
    by_edge = next((zoom for zoom in _ZOOMS if zoom * edge >= _SHORTEST_EDGE), _ZOOMS[-1])
    allowed = [zoom for zoom in _ZOOMS if zoom == 1 or zoom * edge <= _LONGEST_SHORT_EDGE]
    zoom = min(max(by_size, by_edge), allowed[-1])
    smallest = f"{min(across.values()):.0f}" if across else "unknown numbers of"
    reason = (
        f"what is looked for is {smallest} pixels across, where {_WANTED_ACROSS} are wanted, and the short edge has "
        f"{edge:.0f}, where {_SHORTEST_EDGE} are wanted and {_LONGEST_SHORT_EDGE} are enough"
    )
    return _given(config.zoom, "auto", _Chosen(zoom, reason))


def _tile(config: MedicalConfig, facts: Sequence[CaseFacts], zoom: float, *, gpu: bool) -> _Chosen:
    limit = _LARGEST_TILE[gpu]
    sizes = np.array([in_plane(case, config.spacing) for case in facts]) * zoom
    height, width = np.percentile(sizes, _LARGE_CASES, axis=0, method="higher").tolist()
    tile = tuple(
        min(_MULTIPLE * int(np.ceil(round(edge) / _MULTIPLE)), limit) for edge in (height, width)
    )
    reason = (
        f"nine of ten images are no larger than {height:.0f} x {width:.0f} after the zoom; multiples of {_MULTIPLE}, "
        f"at most {limit} on {'a GPU' if gpu else 'the CPU'}"
    )
    return _given(config.patch, "auto", _Chosen(tile, reason))


def _flips(config: MedicalConfig, facts: Sequence[CaseFacts]) -> _Chosen:
    if all(case.kind == "picture" for case in facts):
        guess = _Chosen(("horizontal", "vertical", "both"), "pictures have no up and down")
    else:
        guess = _Chosen(("horizontal",), "left and right of a body are alike, up and down are not")
    return _given(config.augment.flips, "auto", guess)


def _losses(config: MedicalConfig, facts: Sequence[CaseFacts], zoom: float) -> _Chosen:
    across = {label: d * zoom for label, d in typical_across(facts, config.spacing).items()}
    share = share_where_any(facts)
    tiny = share < _TINY_SHARE or min(across.values(), default=_WANTED_ACROSS) < _TINY_ACROSS
    num_classes = max(len(case.voxels) for case in facts)
    weights = (0.0, *[1.0] * (num_classes - 1))
    overlap: Callable[..., LossConfig] = TverskyConfig if tiny else DiceConfig
    losses = (
        CrossEntropyConfig(name="cross_entropy"),
        overlap(name="tversky" if tiny else "dice", class_weights=weights),
    )
    reason = f"{share:.2%} of the slices that have any are foreground, " + (
        "which is little: misses weigh more than false alarms"
        if tiny
        else "which is enough for Dice"
    )
    return _given(config.losses, "auto", _Chosen(losses, reason))
