"""Where a report comes from is written down: hashes that change with what they are of, minutes, settings, no paths."""

import json
from dataclasses import replace
from pathlib import Path

import lumbar
from medical.learning.run import MedicalRun
from medical.report.origin import Origin, find_origin
from medical.report.privacy import HIDDEN, Names
from tests.medical.report.made_run import FOLDS, secrets
from tests.medical.report.test_held_out import copied


def origin(run: MedicalRun) -> Origin:
    return find_origin(run, Names(run.study))


def test_minutes_are_those_of_all_folds(nuclei: MedicalRun, tmp_path: Path) -> None:
    assert origin(nuclei).minutes == FOLDS * 66 / 60
    run = copied(nuclei, tmp_path / "run")
    (run.path / "fold1" / "took.json").unlink()
    assert origin(run).minutes is None


def test_each_fold_has_the_hash_of_its_weights(nuclei: MedicalRun, tmp_path: Path) -> None:
    run = copied(nuclei, tmp_path / "run")
    run.fold_weights[0].write_bytes(b"other")
    run.fold_weights[2].unlink()

    before, after = origin(nuclei).weights, origin(run).weights

    assert len({*before}) == FOLDS
    assert after[0] != before[0]
    assert after[1] == before[1]
    assert after[2] == ""


def test_other_folds_have_another_hash(nuclei: MedicalRun) -> None:
    swapped = replace(nuclei, splits=nuclei.splits[::-1])

    assert origin(swapped).splits_hash != origin(nuclei).splits_hash
    assert origin(nuclei).splits_hash == origin(nuclei).splits_hash


def test_versions_settings_and_reasons_are_there_without_names(nuclei: MedicalRun) -> None:
    found = origin(nuclei)

    assert found.versions["lumbar"] == lumbar.__version__
    assert "torch" in found.versions
    assert found.config["data"] == HIDDEN
    assert found.config["folds"] == FOLDS
    assert found.preprocess == nuclei.preprocess.to_dict()
    assert found.reasons == {"patch": f"as {HIDDEN} has the smallest image"}
    written = json.dumps(found.to_dict()).lower()
    assert [word for word in secrets() if word.lower() in written] == []
