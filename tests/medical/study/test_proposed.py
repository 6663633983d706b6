"""The proposed settings are read by the strict loader, and decide what was decided."""

from pathlib import Path
from typing import Any

import pytest

from lumbar.training.load import load_config
from medical.study.config import MedicalConfig
from medical.study.facts import PERCENTILES, CaseFacts
from medical.study.finding import Finding, Findings
from medical.study.lesions import Lesion
from medical.study.proposal import resolve
from medical.study.proposed import proposed_yaml
from tests.medical.study.studies import CLASSES, facts_of, scan_of, settings

CT = scan_of(values=tuple(20 * p - 1000 for p in PERCENTILES))
SCRATCH = {"model": {"backbone": {"name": "resnet18", "weights": "none"}}}


def read(text: str, folder: Path) -> MedicalConfig:
    """As the tools read it."""
    file = folder / "proposed.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(MedicalConfig, file)


@pytest.mark.parametrize(
    ("facts", "changes"),
    [
        (facts_of(), {}),
        (facts_of(bits=16, number_type="uint16"), SCRATCH),
        (facts_of(colour=True, channels=3, grey=False), {"augment": {"rotate": 5.0}}),
        (facts_of(lesions=((Lesion(4.0, 12),),)), {"epochs": 3, "patient": r"(P\d+)"}),
        (scan_of(), {"slices": 3, "void": (9,)}),
        (CT, {"spacing": 0.7}),
        (CT, {"window": (-160.0, 240.0), "zoom": 2.5, "flips": ()}),
        (scan_of(), {"classes": {"background": 0, 'organ: a "b"': [[1], [2]]}}),
    ],
)
def test_the_proposal_decides_the_same(
    facts: CaseFacts, changes: dict[str, Any], tmp_path: Path
) -> None:
    config = settings("some/where", **changes)
    resolved = resolve(config, [facts])

    again = read(proposed_yaml(config, resolved, Findings(())), tmp_path)

    decided = resolve(again, [facts])
    assert decided.preprocess == resolved.preprocess
    assert (decided.losses, decided.flips, decided.modality) == (
        resolved.losses,
        resolved.flips,
        resolved.modality,
    )
    same = ("data", "classes", "void", "patient", "folds", "model", "epochs", "spacing")
    assert all(getattr(again, key) == getattr(config, key) for key in same)


def test_nothing_but_the_patch_is_left_open(tmp_path: Path) -> None:
    config = settings()
    resolved = resolve(config, [CT])

    again = read(proposed_yaml(config, resolved, Findings(())), tmp_path)

    keys = ("modality", "intensity", "plane", "zoom", "losses", "flips")
    assert "auto" not in [getattr(again, key) for key in keys]
    assert again.window is not None
    assert again.augment.flips == ("horizontal",)
    assert again.patch == "auto"
    assert again.classes == CLASSES


def test_reasons_and_what_is_to_be_mended_are_comments() -> None:
    config = settings()
    resolved = resolve(config, [facts_of()])
    fatal = Finding("fatal", "x", "Something\nis: wrong.", fix="write `folds: 3`")

    text = proposed_yaml(config, resolved, Findings((fatal,)))

    assert "# to be mended first: Something is: wrong. (write `folds: 3`)" in text
    words = " ".join(text.replace("#", " ").split())
    assert all(" ".join(reason.split()) in words for reason in resolved.reasons.values())
    assert max(map(len, text.splitlines())) <= 110
