"""Each section shows what it is about, whatever the cases are like."""

from dataclasses import replace

import pytest

from medical.learning.run import MedicalRun
from medical.pages.blocks import Card, Folded, Legend
from medical.pages.page import Section
from medical.report import sections
from medical.report.choice import choose
from medical.report.origin import find_origin
from medical.report.privacy import Names
from medical.report.rows import Scored


def html(section: Section | None) -> str:
    assert section is not None
    return "".join(block.html() for block in section.blocks)


def test_numbers_show_folds_and_other_rules(scored_nuclei: Scored) -> None:
    shown = html(sections.numbers_section(scored_nuclei, scored_nuclei.table.summary()))

    assert "fold 2" in shown
    assert "nnU-Net" in shown
    assert "Regions found" in shown


def test_the_worst_cases_come_first_with_pictures(
    nuclei: MedicalRun, scored_nuclei: Scored
) -> None:
    choice = choose(scored_nuclei)

    section = sections.worst_section(nuclei, scored_nuclei, choice)

    cards = [block for block in section.blocks if isinstance(block, Card)]
    assert tuple(card.title for card in cards) == choice.worst
    assert cards[0].detail.startswith(("missed", "false alarm"))
    assert all(card.html().count("<img") >= 2 for card in cards)
    assert [block.title for block in section.blocks if isinstance(block, Folded)] == [
        f"The best: {choice.best[0]}"
    ]


def test_classes_that_can_be_confused_are_in_the_legend(
    hippocampus: MedicalRun, scored_hippocampus: Scored
) -> None:
    section = sections.worst_section(hippocampus, scored_hippocampus, choose(scored_hippocampus))

    legend = next(block for block in section.blocks if isinstance(block, Legend))
    assert "confused" in [entry.kind for entry in legend.entries]
    assert "slice" in html(section)
    assert "anterior 0." in html(section)


def test_suspected_masks_have_pictures(nuclei: MedicalRun, scored_nuclei: Scored) -> None:
    choice = choose(scored_nuclei)
    assert choice.suspects

    shown = html(sections.suspects_section(nuclei, scored_nuclei, choice))

    assert all(f'id="suspect-{alias}"' in shown for alias in choice.suspects)


def test_without_suspects_it_is_said(nuclei: MedicalRun, scored_nuclei: Scored) -> None:
    choice = replace(choose(scored_nuclei), suspects=())

    assert "In no case" in html(sections.suspects_section(nuclei, scored_nuclei, choice))


def test_calibration_is_told_of_each_class(scored_hippocampus: Scored) -> None:
    names = scored_hippocampus.table.class_names

    shown = html(sections.calibration_section(scored_hippocampus, names))

    assert all(f"Calibration: {name}" in shown for name in names)
    assert f"{scored_hippocampus.after.error()[1]:.4f}" in shown


def test_uncertainty_and_cases_hold_every_case(scored_nuclei: Scored) -> None:
    cases = html(sections.cases_section(scored_nuclei, choose(scored_nuclei)))

    assert all(f'id="case-{alias}"' in cases for alias in scored_nuclei.table.aliases)
    assert "Uncertainty against error" in html(sections.uncertainty_section(scored_nuclei))


def test_volumes_are_shown_by_class_and_size(
    scored_nuclei: Scored, scored_hippocampus: Scored
) -> None:
    assert "small: " in html(sections.volumes_section(scored_nuclei))
    both = html(sections.volumes_section(scored_hippocampus))
    assert "Agreement of volumes: anterior" in both
    assert "volume of a case (mm³), posterior" in both


def test_groups_are_those_of_columns_with_several_values(
    scored_nuclei: Scored, scored_hippocampus: Scored
) -> None:
    shown = html(sections.strata_section(scored_nuclei, 0.8))

    assert "Dice by site" in shown
    assert "Dice by stain" not in shown, "all have the same"
    assert sections.strata_section(scored_hippocampus, 0.8) is None


@pytest.mark.parametrize("minutes", [None, 12.345])
def test_the_origin_is_told(nuclei: MedicalRun, minutes: float | None) -> None:
    origin = replace(find_origin(nuclei, Names(nuclei.study)), minutes=minutes)

    shown = html(sections.origin_section(origin))

    assert ("12.3 minutes" if minutes else "not written down") in shown
    assert origin.data_hash in shown
    assert "folds: 3" in shown
