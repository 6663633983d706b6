"""A card says what a network was made of and how well it does, and names nobody."""

from typing import Any

import pytest

from lumbar.data.pixel_classes import PixelClasses
from medical.delivery.card import CardFacts, model_card
from medical.scans.decision import Decision
from medical.scores.bootstrap import Estimate
from medical.scores.summary import MEANINGS, Summary
from tests.medical.delivery.fits import scan_settings

CLASSES = PixelClasses.parse({"background": 0, "organ": 1, "tumour": 2})
COUNTS = {
    "n": 30,
    "scored": 18,
    "missed": 2,
    "false_alarm": 3,
    "correctly_empty": 7,
    "unlabelled": 0,
    "lesions": 41,
}


def facts(**changes: Any) -> CardFacts:
    values: dict[str, Any] = {
        "classes": CLASSES,
        "preprocess": scan_settings(),
        "decision": Decision(1.3, 0.45, 0.72),
        "modality": "mr",
        "network": "resnet18 with the head fpn",
        "folds": 5,
        "cases": 30,
        "patients": 21,
        "assumptions": ("Each case is taken to be another patient.",),
        "summary": None,
        "verified": "Cases compared with torch: 20; largest difference of a probability: 1.0e-06.",
        "versions": {"torch": "2.15.0"},
        "hashes": {"model.onnx": "abc123"},
    }
    return CardFacts(**{**values, **changes})


def summary() -> dict[str, Any]:
    """As a report has it: of the tumour no distance is known."""
    numbers = dict.fromkeys(MEANINGS, Estimate(0.91234, 0.8812, 0.934))
    unknown = numbers | {"case/hd95": Estimate(*[float("nan")] * 3)}
    classes = {"organ": numbers, "tumour": unknown}
    return Summary("mm", classes, numbers, dict.fromkeys(classes, COUNTS)).to_dict()


def test_it_says_what_the_network_is_and_was_made_of() -> None:
    card = model_card(facts())

    assert card.startswith("# Segmentation of organ, tumour\n")
    for text in (
        *("background, organ, tumour", "30 cases of 21 patients", "5 networks", "modality mr"),
        *("temperature of 1.3", "0.45 or more", "3 slices together, 2.5D", "0.8 mm"),
        *("Each case is taken to be another patient.", "resnet18 with the head fpn"),
        *("no medical device", "expected Dice below 0.72", "torch 2.15.0", "sha256 abc123"),
        "Cases compared with torch: 20; largest difference of a probability: 1.0e-06.",
    ):
        assert text in card


def test_scores_stand_with_their_intervals_and_counts() -> None:
    lines = model_card(facts(summary=summary())).splitlines()

    (organ,) = (line for line in lines if line.startswith("| organ |"))
    cells = [cell.strip() for cell in organ.strip("|").split("|")]
    assert cells[:6] == ["organ", "20", "2", "10", "3", "0.912 [0.881, 0.934]"]
    (tumour,) = (line for line in lines if line.startswith("| tumour |"))
    assert "unknown" in tumour
    head = next(line for line in lines if line.startswith("| class |"))
    assert {line.count("|") for line in (head, organ, tumour)} == {head.count("|")}


def test_without_a_report_it_says_that_nobody_knows() -> None:
    card = model_card(facts())

    assert "Unknown: there was no report" in card


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"decision": Decision()}, "Nobody has said below which expected Dice"),
        ({"preprocess": scan_settings(slices=1)}, "slice by slice."),
        ({"preprocess": scan_settings(spacing=None)}, "size of their pixels: their own"),
        ({"preprocess": scan_settings(plane="coronal")}, "slices of scans: coronal"),
    ],
)
def test_every_setting_is_told(changes: dict[str, Any], text: str) -> None:
    assert text in model_card(facts(**changes))


def test_sections_are_parted_and_lists_are_lists() -> None:
    lines = model_card(facts(summary=summary())).splitlines()

    titles = [place for place, line in enumerate(lines) if line.startswith("#")]
    assert len(titles) == 7
    assert all(lines[place + 1] == "" for place in titles)
    assert all(lines[place - 1] == "" for place in titles[1:])
