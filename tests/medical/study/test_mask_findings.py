"""Masks that are empty, classes that hardly occur, and regions too small are told."""

from typing import Any

import pytest

from lumbar.data.pixel_classes import PixelClasses
from medical.study.cases import Study
from medical.study.facts import CaseFacts
from medical.study.finding import Finding
from medical.study.lesions import Lesion
from medical.study.mask_findings import mask_findings
from tests.medical.study.studies import facts_of, settings

EMPTY: dict[str, Any] = {"voxels": (65536, 0), "lesions": ((),)}


def found_for(*facts: CaseFacts, classes: tuple[str, ...] = ("tumour",)) -> list[Finding]:
    """Findings about these masks."""
    values = {name: number for number, name in enumerate(("background", *classes))}
    study = Study((), PixelClasses.parse(values))
    return [*mask_findings(settings(), study, facts)]


def test_good_masks_are_not_mentioned() -> None:
    assert not found_for(*map(facts_of, range(4)))


def test_all_masks_empty_is_fatal_and_all_that_is_told() -> None:
    (finding,) = found_for(facts_of(1, **EMPTY), facts_of(2, **EMPTY))

    assert (finding.severity, finding.name) == ("fatal", "all masks empty")
    assert finding.where == ("case1", "case2")


def test_a_class_that_no_mask_has_is_fatal() -> None:
    facts = [facts_of(k, voxels=(60000, 1000, 0), lesions=((Lesion(24, 9),), ())) for k in range(3)]

    (finding,) = found_for(*facts, classes=("tumour", "cyst"))

    assert finding.severity == "fatal"
    assert "cyst" in finding.what


def test_masks_without_any_background_are_told_as_a_class_without_pixels() -> None:
    found = found_for(*(facts_of(k, voxels=(0, 65536)) for k in range(3)))

    assert [(f.severity, f.name) for f in found] == [
        ("fatal", "class without pixels"),
        ("warning", "inverted masks?"),
    ]


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ([facts_of(1), facts_of(2, **EMPTY), facts_of(3, **EMPTY)], "empty masks"),
        ([facts_of(1), facts_of(2, patient="case1"), facts_of(3, **EMPTY)], "rare class"),
        ([facts_of(k, voxels=(65500, 36)) for k in range(3)], "little foreground"),
        (
            [facts_of(k, lesions=((Lesion(24, 400), Lesion(2.5, 5)),)) for k in range(3)],
            "tiny regions",
        ),
    ],
)
def test_what_may_harm_is_a_warning(facts: list[CaseFacts], name: str) -> None:
    found = found_for(*facts)

    assert name in [finding.name for finding in found]
    assert {finding.severity for finding in found} == {"warning"}


def test_a_few_crumbs_are_forgiven() -> None:
    many = tuple(Lesion(24, 400) for _ in range(99))

    assert not found_for(*(facts_of(k, lesions=((*many, Lesion(1.1, 1)),)) for k in range(3)))
