"""Pictures of cases show the slice that has the most to see, and duplicates side by side."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from medical.scans.intensity import Intensity
from medical.scans.preprocess import Preprocess
from medical.study.cases import Study, find_study
from medical.study.check_pictures import contact_sheet, duplicate_cards
from medical.study.duplicates import find_duplicates
from medical.study.facts import survey
from tests.medical.scans.made_up import settings as preprocess
from tests.medical.scans.scan_files import write_scan
from tests.medical.study.studies import settings, write_pictures, write_scans


def decoded(picture: Any) -> Any:
    """(H, W, 3) of a picture in a page."""
    data = base64.b64decode(picture.address.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def sheet(study: Study, settings: Preprocess) -> list[Any]:
    """The legend, and the pictures side by side."""
    return contact_sheet(study, study.cases, settings)


def test_a_dozen_cases_are_shown_with_their_masks(tmp_path: Path) -> None:
    study = find_study(settings(write_pictures(tmp_path, *(f"c{k:02d}" for k in range(30)))))

    legend, side = sheet(study, preprocess())

    assert [entry.text for entry in legend.entries] == ["tumour"]
    captions = [picture.caption for picture in side.blocks]
    assert captions == [f"c{k:02d}" for k in range(0, 30, 3)]
    colour = np.array(study.classes.colours[1])
    assert all((decoded(picture) == colour).all(2).any() for picture in side.blocks)


def test_the_slice_with_the_most_foreground_is_shown(tmp_path: Path) -> None:
    root = write_scans(tmp_path, "a")
    mask = np.zeros((20, 24, 6), np.uint8)
    mask[3:9, 3:9, 4], mask[3, 3, 1] = 1, 1
    write_scan(root / "labels/a.nii.gz", mask, np.diag([1, 1, 2.5, 1]))
    study = find_study(settings(root))

    _, side = sheet(study, preprocess(intensity=Intensity("zscore")))

    assert side.blocks[0].caption == "a, slice 5 of 6"


def test_an_empty_mask_is_shown_in_the_middle(tmp_path: Path) -> None:
    root = write_scans(tmp_path, "a")
    write_scan(root / "labels/a.nii.gz", np.zeros((20, 24, 6), np.uint8), np.diag([1, 1, 2.5, 1]))
    study = find_study(settings(root))

    _, side = sheet(study, preprocess(intensity=Intensity("zscore")))

    assert side.blocks[0].caption == "a, slice 4 of 6"


def test_duplicates_stand_side_by_side(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "a", "b", "c")
    (root / "images/c.png").write_bytes((root / "images/a.png").read_bytes())
    config = settings(root)
    study = find_study(config)

    cards: Any = duplicate_cards(study, find_duplicates(survey(study, config)), preprocess())

    (card,) = cards.blocks

    assert (card.title, card.detail) == ("different patients", "all pixels are the same")
    first, second = card.blocks[0].blocks
    assert (first.caption, second.caption) == ("a", "c")
    assert np.array_equal(decoded(first), decoded(second))
