"""Cases are prepared once, and read from the files of the cache ever after."""

import os
import pickle
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medical.learning.lesion_index import find_lesions
from medical.learning.store import CaseStore, store_cases
from medical.scans.intensity import Intensity
from medical.scans.preprocess import Preprocess, prepared
from medical.scans.read import read_volume
from medical.scans.resample import resize_labels
from medical.study.cases import Study, find_study
from medical.study.truth import read_truth
from tests.medical.learning.discs import SIZE, small_config, write_pictures, write_scans

PICTURES = Preprocess(Intensity("none"), None, None, 1.0, 1, 1, (32, 32), 0.25, ())
SCANS = replace(PICTURES, intensity=Intensity("zscore"), plane="axial", spacing=0.5)


def stored(study: Study, preprocess: Preprocess) -> CaseStore:
    return store_cases(study.cases, preprocess, study.classes)


def test_scans_are_as_a_prediction_sees_them(tmp_path: Path) -> None:
    study = find_study(small_config(write_scans(tmp_path / "data", 2)))
    store = stored(study, SCANS)

    assert len(store) == 2
    for index, case in enumerate(study.cases):
        own = store[index]
        volume = read_volume(case.images, plane="axial")
        truth = resize_labels(read_truth(case, volume, study.classes), (80, 112))
        assert own.pixels.shape == (4, 80, 112, 1)
        assert own.pixels.dtype == np.float16
        np.testing.assert_allclose(own.pixels, prepared(volume, SCANS), atol=0.07)
        np.testing.assert_array_equal(own.labels, truth)
        for ours, theirs in zip(own.lesions, find_lesions(truth, 2), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_pictures_of_eight_bits_stay_as_they_are(tmp_path: Path) -> None:
    study = find_study(small_config(write_pictures(tmp_path / "data", 2)))
    own = stored(study, PICTURES)[0]

    assert own.pixels.dtype == np.uint8
    assert own.pixels.shape == (1, *SIZE, 1)
    np.testing.assert_array_equal(own.pixels, read_volume(study.cases[0].images).pixels)


def test_what_is_there_is_not_made_again(tmp_path: Path, cache: Path) -> None:
    study = find_study(small_config(write_pictures(tmp_path / "data", 2)))
    stored(study, PICTURES)
    files = {file: file.stat().st_mtime_ns for file in (cache / "medical").glob("*.np*")}
    # How a case is looked at does not change how it looks.
    stored(study, replace(PICTURES, tile=(64, 64), flips=("horizontal",), slices=3))

    assert len(files) == 6
    assert files == {file: file.stat().st_mtime_ns for file in (cache / "medical").glob("*.np*")}


def test_a_changed_file_or_another_way_is_prepared_anew(tmp_path: Path) -> None:
    study = find_study(small_config(write_pictures(tmp_path / "data", 2)))
    before = stored(study, PICTURES)
    os.utime(study.cases[1].images[0], ns=(1, 1))
    after = stored(study, PICTURES)

    assert before.files[0] == after.files[0]
    assert before.files[1] != after.files[1]
    assert not {*stored(study, replace(PICTURES, zoom=2.0)).files} & {*before.files, *after.files}


def test_names_of_cases_are_not_in_the_cache(tmp_path: Path, cache: Path) -> None:
    stored(find_study(small_config(write_pictures(tmp_path / "data", 2))), PICTURES)

    assert not [file for file in (cache / "medical").iterdir() if "P0" in file.name]


def test_other_processes_map_the_same_files(tmp_path: Path) -> None:
    study = find_study(small_config(write_pictures(tmp_path / "data", 3)))
    store = stored(study, PICTURES)
    whole = store[2]
    other = pickle.loads(pickle.dumps(store))
    part = other.subset([2, 0])

    assert isinstance(whole.pixels, np.memmap)
    assert len(pickle.dumps(store)) < 2000
    np.testing.assert_array_equal(part[0].pixels, whole.pixels)
    np.testing.assert_array_equal(part[1].labels, store[0].labels)


def test_a_full_disk_is_one_message_and_leaves_nothing_half_written(
    tmp_path: Path, cache: Path
) -> None:
    study = find_study(small_config(write_pictures(tmp_path / "data", 1)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(ValueError, match=r"cannot be written .* bytes are free"):
            stored(study, PICTURES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert not [*(cache / "medical").glob("*.np*")]
    assert len(stored(study, PICTURES)) == 1


def test_a_cache_that_cannot_be_made_says_how_to_move_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = find_study(small_config(write_pictures(tmp_path / "data", 1)))
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("LUMBAR_CACHE", str(blocked))

    with pytest.raises(ValueError, match="set LUMBAR_CACHE to one"):
        stored(study, PICTURES)
