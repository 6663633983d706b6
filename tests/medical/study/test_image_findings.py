"""What does not fit between images and settings, or among images, is told with what to write."""

from typing import Any

import pytest

from medical.study.facts import CaseFacts
from medical.study.finding import Finding
from medical.study.image_findings import image_findings
from medical.study.proposal import resolve
from tests.medical.study.studies import facts_of, scan_of, settings

COLOUR = {"colour": True, "channels": 3, "grey": False}
AIR = {"values": tuple(10.0 * k - 1000 for k in range(103))}


def found_for(*facts: CaseFacts, **changes: Any) -> list[Finding]:
    """Findings about these images."""
    config = settings(**changes)
    return [*image_findings(config, facts, resolve(config, facts))]


@pytest.mark.parametrize("make", [facts_of, scan_of])
def test_alike_images_are_not_mentioned(make: Any) -> None:
    assert not found_for(make(1), make(2))


@pytest.mark.parametrize(
    ("facts", "changes", "name", "fix"),
    [
        (facts_of(**COLOUR), {"modality": "ct"}, "no CT", "`modality: auto`"),
        (facts_of(), {"modality": "ct"}, "no CT", "`modality: auto`"),
        (scan_of(channels=3, **AIR), {"modality": "rgb"}, "no pictures", "`modality: auto`"),
        (
            facts_of(number_type="float32", bits=32),
            {"intensity": "none"},
            "number type",
            "percentile",
        ),
    ],
)
def test_images_of_another_kind_than_the_settings_say_are_fatal(
    facts: CaseFacts, changes: dict[str, Any], name: str, fix: str
) -> None:
    fatal = [finding for finding in found_for(facts, **changes) if finding.severity == "fatal"]

    assert [finding.name for finding in fatal] == [name]
    assert fix in fatal[0].fix


def test_ct_without_air_is_doubted() -> None:
    (finding,) = found_for(scan_of(1, **AIR), scan_of(2, **AIR), scan_of(3), modality="ct")

    assert (finding.severity, finding.where) == ("warning", ("case3",))


@pytest.mark.parametrize(
    ("edge", "changes", "severities"),
    [
        (1.6, {}, ["fatal"]),
        (1.4, {}, ["note"]),
        (1.01, {}, []),
        (1.6, {"spacing": 1.0}, []),
    ],
)
def test_mixed_spacing_is_fatal_until_it_is_set(
    edge: float, changes: dict[str, Any], severities: list[str]
) -> None:
    scans = [scan_of(1), scan_of(2), scan_of(3, spacing=(3.0, edge, edge))]

    found = found_for(*scans, **changes)

    assert [finding.severity for finding in found] == severities
    if severities == ["fatal"]:
        assert "`spacing: 1`" in found[0].fix
        assert found[0].where == ("case3 (1.6 mm)",)


@pytest.mark.parametrize(
    ("facts", "fatal"),
    [
        ([scan_of(1), scan_of(2, channels=2)], True),
        ([facts_of(1), facts_of(2, channels=4)], True),
        ([facts_of(1), facts_of(2, **COLOUR)], False),
        ([scan_of(1, channels=2), scan_of(2, channels=2)], False),
    ],
)
def test_mixed_channels_are_fatal_but_grey_and_colour_pictures(
    facts: list[CaseFacts], fatal: bool
) -> None:
    names = [finding.name for finding in found_for(*facts) if finding.severity == "fatal"]

    assert names == ["mixed channels"] * fatal


@pytest.mark.parametrize(
    ("facts", "severity", "name"),
    [
        ([facts_of(1), scan_of(2)], "warning", "mixed kinds"),
        ([facts_of(1), facts_of(2, shape=(1, 2000, 2000))], "warning", "varied sizes"),
        ([scan_of(1), scan_of(2, orientation="LPS")], "note", "orientation"),
        ([scan_of(1), scan_of(2, plane="coronal")], "warning", "mixed planes"),
        ([scan_of(1, text_in_pixels=True)], "warning", "text in pixels"),
    ],
)
def test_what_may_harm_is_told(facts: list[CaseFacts], severity: str, name: str) -> None:
    assert (severity, name) in [(f.severity, f.name) for f in found_for(*facts)]
