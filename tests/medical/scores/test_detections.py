"""Curves of files are those of their boxes, class by class, and files that do not fit are told."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medical.scores.detections import froc_of_files
from medical.scores.froc import RATES, Detections, froc

CATEGORIES = [{"id": 3, "name": "nodule"}, {"id": 7, "name": "mass"}]


def made(seed: int = 0) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A truth of 12 images of 4 patients, and detections beside its boxes and elsewhere."""
    random = np.random.default_rng(seed)
    images = [{"id": 10 + k, "file_name": f"{k}.png", "patient": f"P{k // 3}"} for k in range(12)]
    lesions = [
        {
            "id": k + 1,
            "image_id": int(random.integers(10, 22)),
            "category_id": [3, 7][k % 2],
            "bbox": [*random.uniform(0, 80, 2).tolist(), *random.uniform(5, 20, 2).tolist()],
            "iscrowd": 0,
        }
        for k in range(20)
    ]
    found = [
        {
            **{key: row[key] for key in ("image_id", "category_id")},
            "bbox": [*random.normal(row["bbox"][:2], 4, 2).tolist(), *row["bbox"][2:]],
            "score": float(random.random()),
        }
        for row in lesions * 2
    ]
    return {"images": images, "annotations": lesions, "categories": CATEGORIES}, found


def written(folder: Path, truth: object, found: object) -> tuple[Path, Path]:
    """The files of detections and of the truth."""
    paths = folder / "results.json", folder / "truth.json"
    for path, document in zip(paths, (found, truth), strict=True):
        path.write_text(json.dumps(document), encoding="utf-8")
    return paths


def corners(rows: list[dict[str, Any]]) -> Any:
    return np.array([[x, y, x + w, y + h] for x, y, w, h in (row["bbox"] for row in rows)]).reshape(
        -1, 4
    )


def test_curves_are_those_of_the_boxes_of_each_class(tmp_path: Path) -> None:
    truth, found = made()

    scores = froc_of_files(*written(tmp_path, truth, found))

    assert [*scores.classes] == ["nodule", "mass"]
    assert scores.patients == 4
    for category, curve in zip((3, 7), scores.classes.values(), strict=True):
        images = []
        for image in truth["images"]:
            own, there = (
                [r for r in rows if (r["image_id"], r["category_id"]) == (image["id"], category)]
                for rows in (found, truth["annotations"])
            )
            boxes, sure = corners(own), np.array([row["score"] for row in own])
            images.append(Detections(boxes, sure, corners(there), image["patient"]))
        alone = froc(images)
        assert curve.to_dict() == alone.to_dict()
        assert np.array_equal(curve.sensitivity, alone.sensitivity)


def test_crowds_are_no_lesions(tmp_path: Path) -> None:
    truth, found = made()
    truth["annotations"][0]["iscrowd"] = 1

    scores = froc_of_files(*written(tmp_path, truth, found))

    assert [curve.lesions for curve in scores.classes.values()] == [9, 10]


def test_without_patients_each_image_is_one(tmp_path: Path) -> None:
    truth, found = made()
    for image in truth["images"]:
        del image["patient"]

    assert froc_of_files(*written(tmp_path, truth, found)).patients == 12


def test_nothing_found_is_a_sensitivity_of_nothing(tmp_path: Path) -> None:
    truth, _ = made()
    scores = froc_of_files(*written(tmp_path, truth, []))

    assert scores.classes["mass"].mean.value == 0
    assert {scores.classes["mass"].at[rate].value for rate in RATES} == {0}


def test_a_table_for_a_terminal_and_json(tmp_path: Path) -> None:
    truth, found = made()
    truth["categories"] = [*CATEGORIES, {"id": 9, "name": "cyst"}]
    scores = froc_of_files(*written(tmp_path, truth, found))

    *_, head, nodule, _, cyst = scores.table().splitlines()

    assert head.split() == [*("class", "lesions", "1/8", "1/4", "1/2", "1", "2", "4", "8"), "mean"]
    assert nodule.split()[:2] == ["nodule", "10"]
    assert f"{scores.classes['nodule'].mean.value:.3f} (" in nodule
    assert cyst.split()[:3] == ["cyst", "0", "-"]
    saved = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    assert saved["classes"]["cyst"]["mean"] == [None] * 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 99}, "not listed"),
        ({"category_id": 1}, "not listed"),
        ({"bbox": [1, 2, 3]}, "finite numbers"),
        ({"bbox": [1, 2, -3, 4]}, "finite numbers"),
        ({"bbox": [1, float("nan"), 3, 4]}, "finite numbers"),
        ({"score": float("inf")}, "without a score"),
        ({"score": None}, "without a score"),
        ({"image_id": "10"}, "whole number"),
    ],
)
def test_detections_that_do_not_fit_are_told(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    truth, found = made()
    found[4] |= change

    with pytest.raises(ValueError, match=rf"results\.json: (.|\n)*{message}"):
        froc_of_files(*written(tmp_path, truth, found))


def test_other_files_are_told(tmp_path: Path) -> None:
    truth, found = made()
    detections, annotations = written(tmp_path, truth, found)

    with pytest.raises(ValueError, match=r"truth\.json: no COCO results"):
        froc_of_files(annotations, annotations)
    with pytest.raises(ValueError, match=r'results\.json: no list "images"'):
        froc_of_files(detections, detections)
    with pytest.raises(ValueError, match=r"absent\.json: cannot be read"):
        froc_of_files(tmp_path / "absent.json", annotations)
    del truth["images"][0]["id"]
    with pytest.raises(ValueError, match=r"truth\.json: images without a number"):
        froc_of_files(*written(tmp_path, truth, found))
