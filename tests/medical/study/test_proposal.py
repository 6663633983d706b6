"""What the settings leave open follows from the facts; what they say stays; and the reasons are told."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medical.scans.intensity import Intensity
from medical.scans.preprocess import Preprocess
from medical.study.cases import find_study
from medical.study.config import MedicalConfig
from medical.study.facts import PERCENTILES, CaseFacts, survey
from medical.study.lesions import Lesion
from medical.study.proposal import Resolved, resolve
from medical.study.typical import labelled_range
from tests.medical.study.studies import facts_of, scan_of, settings


def of(*facts: CaseFacts, gpu: bool = False, **changes: Any) -> Resolved:
    """The settings resolved for these facts."""
    return resolve(settings(**changes), facts, gpu=gpu)


def some_facts(config: MedicalConfig) -> tuple[CaseFacts, ...]:
    """Of every sixth case of a study."""
    study = find_study(config)
    return survey(replace(study, cases=study.cases[::6]), config).facts


def test_the_shared_nuclei_become_patches_of_the_cpu(shared_data: Path) -> None:
    config = settings(shared_data / "nuclei", classes={"background": 0, "nucleus": "any"})

    resolved = resolve(config, some_facts(config))

    assert (resolved.modality, resolved.preprocess.channels) == ("rgb", 3)
    assert resolved.preprocess.intensity == Intensity("none")
    assert resolved.preprocess.zoom in (1, 1.5)
    assert resolved.preprocess.tile == (256, 256)
    assert resolved.preprocess.flips == resolved.flips == ("horizontal", "vertical", "both")
    assert [loss.name for loss in resolved.losses] == ["cross_entropy", "dice"]


def test_the_shared_hippocampi_are_enlarged(shared_data: Path) -> None:
    classes = {"background": 0, "anterior": 1, "posterior": 2}
    config = settings(shared_data / "hippocampus", classes=classes)

    resolved = resolve(config, some_facts(config))

    assert (resolved.modality, resolved.preprocess.channels) == ("mr", 1)
    assert resolved.preprocess.intensity.kind == "zscore"
    assert (resolved.preprocess.plane, resolved.preprocess.zoom) == ("axial", 4)
    assert resolved.flips == ("horizontal",)
    assert resolved.losses[1].class_weights == (0, 1, 1)


@pytest.mark.parametrize(
    ("facts", "modality", "intensity", "channels"),
    [
        (facts_of(), "gray", "none", 1),
        (facts_of(bits=16, number_type="uint16"), "gray", "percentile", 1),
        (facts_of(colour=True, channels=3, grey=False), "rgb", "none", 3),
        (facts_of(colour=True, channels=3, grey=True), "gray", "none", 1),
        (scan_of(), "mr", "zscore", 1),
        (scan_of(channels=4, grey=False), "mr", "zscore", 4),
        (scan_of(values=tuple(20 * p - 1000 for p in PERCENTILES)), "ct", "window", 1),
        (scan_of(kind="dicom", modality="CT"), "ct", "window", 1),
        (scan_of(kind="dicom", modality="MR", values=(-300.0,) * 103), "mr", "zscore", 1),
        (
            scan_of(kind="dicom", modality="US", colour=True, channels=3, grey=False),
            "rgb",
            "none",
            3,
        ),
        (scan_of(kind="dicom", modality="DX", spacing=None, plane=None), "gray", "percentile", 1),
    ],
)
def test_modality_follows_from_the_files(
    facts: CaseFacts, modality: str, intensity: str, channels: int
) -> None:
    resolved = of(facts, facts)

    found = resolved.modality, resolved.preprocess.intensity.kind, resolved.preprocess.channels
    assert found == (modality, intensity, channels)


def test_a_single_colour_picture_makes_all_of_them_colours() -> None:
    assert of(facts_of(), facts_of(colour=True, channels=3, grey=False)).preprocess.channels == 3


def test_the_window_holds_the_labelled_tissue_and_more() -> None:
    scan = scan_of(modality="CT", foreground_values=tuple(0.9 * p - 10 for p in PERCENTILES))

    low, high = (intensity := of(scan).preprocess.intensity).low, intensity.high

    tissue = labelled_range([scan])
    assert tissue is not None
    assert low <= tissue[0] - 50
    assert high >= tissue[1] + 50
    assert high - low <= 3 * (tissue[1] - tissue[0])
    assert low % 10 == high % 10 == 0
    assert of(scan, window=(-160.0, 240.0)).preprocess.intensity == Intensity("window", -160, 240)


def test_without_labels_the_window_holds_all_values() -> None:
    scan = scan_of(modality="CT", foreground_values=None, voxels=(100, 0), lesions=((),))

    intensity = of(scan).preprocess.intensity

    assert (intensity.low, intensity.high) == (1, 199)


@pytest.mark.parametrize(
    ("across", "edge", "zoom"),
    [
        (24.0, 256, 1),
        (15.0, 256, 1.5),
        (100.0, 256, 1),
        (12.0, 256, 2),
        (3.0, 128, 4),
        (3.0, 300, 2),
        (3.0, 800, 1),
        (24.0, 70, 2),
        (24.0, 20, 4),
    ],
)
def test_the_zoom_makes_small_things_and_small_images_larger(
    across: float, edge: int, zoom: float
) -> None:
    facts = facts_of(shape=(1, edge, edge + 50), lesions=((Lesion(across, 50),),))

    assert of(facts).preprocess.zoom == zoom


def test_the_smallest_class_decides_the_zoom() -> None:
    both = ((Lesion(60.0, 900),), (Lesion(12.0, 100),))

    assert of(facts_of(lesions=both, voxels=(60000, 900, 100))).preprocess.zoom == 2


def test_spacing_counts_in_the_zoom_and_the_patch() -> None:
    scans = [scan_of(spacing=(3.0, 0.5, 0.5), shape=(9, 256, 200))]

    fine, coarse = of(*scans), of(*scans, spacing=1.0)

    assert (fine.preprocess.zoom, coarse.preprocess.zoom) == (1, 2)
    assert coarse.preprocess.tile == fine.preprocess.tile == (256, 224)
    assert coarse.preprocess.spacing == 1


@given(
    st.lists(st.tuples(st.integers(1, 3000), st.integers(1, 3000)), min_size=1, max_size=9),
    st.booleans(),
)
def test_patches_are_multiples_within_the_limit(sizes: list[tuple[int, int]], gpu: bool) -> None:
    facts = [facts_of(k, shape=(1, *size)) for k, size in enumerate(sizes)]

    tile = of(*facts, gpu=gpu).preprocess.tile

    assert all(edge % 32 == 0 and 32 <= edge <= (512 if gpu else 256) for edge in tile)


def test_tiny_lesions_make_misses_weigh_more() -> None:
    tiny = facts_of(voxels=(65500, 36), lesions=((Lesion(6.8, 36),),))

    resolved = of(tiny)

    assert [loss.name for loss in resolved.losses] == ["cross_entropy", "tversky"]
    assert resolved.losses[1].class_weights == (0, 1)


def test_settings_win() -> None:
    said: dict[str, Any] = {
        "modality": "mr",
        "intensity": "percentile",
        "plane": "coronal",
        "zoom": 2.5,
        "patch": (96, 160),
        "flips": (),
        "slices": 3,
        "overlap": 0.25,
        "augment": {"flips": ("vertical",)},
        "losses": ({"name": "lovasz"},),
    }

    resolved = of(scan_of(), **said)

    preprocess = resolved.preprocess
    assert (resolved.modality, preprocess.plane, preprocess.zoom) == ("mr", "coronal", 2.5)
    assert preprocess.intensity == Intensity("percentile", 0.5, 99.5)
    assert (preprocess.tile, preprocess.flips, preprocess.overlap) == ((96, 160), (), 0.25)
    assert (resolved.flips, preprocess.in_channels) == (("vertical",), 3)
    assert [loss.name for loss in resolved.losses] == ["lovasz"]
    assert resolved.reasons["zoom"] == "as the settings say"


def test_without_labels_something_is_proposed_all_the_same() -> None:
    empty = facts_of(
        foreground_values=None, voxels=(65536, 0), lesions=((),), slices_with_foreground=0
    )

    assert of(empty).preprocess.zoom == 1


def test_a_decision_survives_json() -> None:
    resolved = of(scan_of())

    saved = resolved.to_dict()

    assert Preprocess.from_dict(saved["preprocess"]) == resolved.preprocess
    assert saved["data_hash"] == resolved.data_hash
    assert {*saved["reasons"]} >= {"modality", "intensity", "plane", "zoom", "patch", "losses"}


def test_without_facts_nothing_is_decided() -> None:
    with pytest.raises(ValueError, match="none of the cases can be read"):
        of()
