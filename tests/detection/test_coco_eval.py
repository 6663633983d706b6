"""AP is pycocotools' to 1e-12, and the same on one process and on two."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import torch

import lumbar
from detection.coco_eval import CocoAP, CocoScores, load_results, load_truth, score_coco
from detection.coco_truth import Kind
from lumbar.data.coco import read_coco
from lumbar.ops.structures import Detections, Images
from tests.detection.coco_ranks import collect, detect, make_records, score_as_rank
from tests.detection.coco_sets import by_pycocotools, made_up, real
from tests.processes import on_ranks

NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
KINDS: tuple[Kind, ...] = ("bbox", "segm")


@pytest.fixture(scope="session")
def cocoapi(shared_data: Path) -> Path:
    """The examples of COCO's own evaluation code."""
    return shared_data / "cocoapi"


def check_equal_to_pycocotools(
    truth: dict[str, Any], results: list[dict[str, Any]], kind: Kind
) -> None:
    """All twelve numbers and AP of each class agree to 1e-12."""
    scores = score_coco(truth, results, kind)
    expected = by_pycocotools(truth, results, kind)

    assert list(scores.summary) == NAMES
    assert list(scores.summary.values()) == pytest.approx(expected.stats, rel=0, abs=1e-12)
    found = [-1 if ap is None else ap for ap in scores.per_class.values()]
    assert found == pytest.approx(expected.per_class, rel=0, abs=1e-12)
    categories = sorted(truth["categories"], key=lambda row: row["id"])
    assert list(scores.per_class) == [row["name"] for row in categories]
    assert scores.num_images == len(truth["images"])


@pytest.mark.parametrize("kind", KINDS)
def test_made_up_results_score_as_with_pycocotools(kind: Kind) -> None:
    check_equal_to_pycocotools(*made_up(kind), kind)


def test_the_made_up_set_has_what_is_hard() -> None:
    """The test above is worth little without."""
    truth, results = made_up("bbox")
    stats = by_pycocotools(truth, results, "bbox").stats

    assert all(0 < number < 1 for number in stats)
    assert any(row["iscrowd"] for row in truth["annotations"])
    assert len({row["score"] for row in results}) < len(results) / 10
    places = [(row["image_id"], row["category_id"]) for row in results]
    assert max(map(places.count, places)) > 100
    annotated = {row["image_id"] for row in truth["annotations"]}
    assert {row["image_id"] for row in results} < {row["id"] for row in truth["images"]}
    assert annotated < {row["image_id"] for row in results}


@pytest.mark.parametrize("kind", KINDS)
def test_real_results_score_as_with_pycocotools(kind: Kind, cocoapi: Path) -> None:
    check_equal_to_pycocotools(*real(cocoapi, kind), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_real_results_score_as_their_authors_say(kind: Kind, cocoapi: Path) -> None:
    report = (cocoapi / "val2014_fake_eval_res.txt").read_text().partition(f"type={kind}")[2]
    published = [float(number) for number in re.findall(r"\] = (\d\.\d+)", report)[:12]]

    scores = score_coco(*real(cocoapi, kind), kind)

    assert [round(value, 3) for value in scores.summary.values()] == published


def test_without_results_all_is_missed() -> None:
    truth, _ = made_up("bbox")

    scores = score_coco(truth, [], "bbox")

    assert set(scores.summary.values()) == {0}
    assert scores.per_class == {"class 2": 0, "class 7": 0, "class 90": None}


def test_without_ground_truth_nothing_is_scored() -> None:
    truth, results = made_up("bbox")

    scores = score_coco(truth | {"annotations": []}, results, "bbox")

    assert set(scores.summary.values()) == {-1}
    assert set(scores.per_class.values()) == {None}


@pytest.mark.parametrize("kind", KINDS)
def test_scores_survive_json_and_name_their_evaluator(kind: Kind) -> None:
    scores = score_coco(*made_up(kind), kind)

    saved = json.loads(json.dumps(scores.to_dict(), allow_nan=False))

    assert list(saved) == [kind, "per_class", "evaluator", "num_images"]
    assert saved[kind] == scores.summary
    assert saved["per_class"]["class 90"] is None
    assert saved["evaluator"] == {"name": "lumbar", "version": lumbar.__version__}


def test_the_table_shows_every_number() -> None:
    summary = {name: place / 16 for place, name in enumerate(NAMES)}
    per_class = {f"class {letter}": place / 8 for place, letter in enumerate("abcd")}
    scores = CocoScores(
        kind="segm",
        summary=summary,
        per_class=per_class,
        evaluator={"name": "someone", "version": "1.2"},
        num_images=70,
    )

    table = scores.table()

    assert table.splitlines()[0] == "masks of 70 images, evaluated by someone 1.2"
    for name, value in (summary | per_class).items():
        assert re.search(rf"\b{name} +{value:.3f}\b", table)
    assert "-1" not in table
    assert max(map(len, table.splitlines())) <= 100


def test_the_table_explains_what_has_no_ground_truth() -> None:
    truth, results = made_up("bbox")

    table = score_coco(truth, results, "bbox").table()

    assert re.search(r"class 90 +-1$", table, re.MULTILINE)
    assert table.endswith("-1: no such object in the ground truth")


def test_files_are_read(tmp_path: Path) -> None:
    truth, results = made_up("segm")
    (tmp_path / "truth.json").write_text(json.dumps(truth), encoding="utf-8-sig")
    (tmp_path / "results.json").write_text(json.dumps(results))

    assert load_truth(tmp_path / "truth.json") == truth
    assert load_results(tmp_path / "results.json") == results


@pytest.mark.parametrize("load", [load_truth, load_results])
@pytest.mark.parametrize("text", ["", '{"images": [', "[" * 100_000, '{"images": []}', "[1]", "3"])
def test_files_of_another_kind_are_refused_by_name(load: Any, text: str, tmp_path: Path) -> None:
    file = tmp_path / "strange.json"
    file.write_text(text)

    with pytest.raises(ValueError, match=r"strange\.json (cannot be read|is not a COCO)"):
        load(file)
    with pytest.raises(ValueError, match=f"no such file: {re.escape(str(tmp_path))}"):
        load(tmp_path / "missing.json")
    with pytest.raises(ValueError, match="cannot be read"):
        load(tmp_path)


def test_perfect_detections_on_resized_images_score_one() -> None:
    records = make_records(3)
    coco_ap = CocoAP(records)
    for record in records:
        height, width = record.size
        detections = Detections(
            torch.from_numpy(record.boxes)[None] * torch.tensor([3, 2, 3, 2]),
            torch.ones(1, len(record.boxes)),
            torch.from_numpy(record.labels)[None],
            torch.from_numpy(~record.crowd)[None],
        )
        sizes = torch.tensor([[height, width]])
        images = Images(torch.zeros(1, 3, 8, 8), sizes * torch.tensor([2, 3]), sizes)
        coco_ap.update(detections, images, torch.tensor([record.image_id]))

    assert coco_ap.compute().summary["AP"] == 1


def test_a_split_read_from_a_file_scores_as_the_file(cocoapi: Path, tmp_path: Path) -> None:
    """Boxes, areas and crowds of the records are those of the file."""
    truth, results = real(cocoapi, "bbox")
    records = read_coco(cocoapi / "instances_val2014_100.json", tmp_path, name="val")
    coco_ap = CocoAP(records)
    for record in records:
        rows = [row for row in results if row["image_id"] == record.image_id]
        boxes = torch.tensor([row["bbox"] for row in rows], dtype=torch.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        labels = [records.categories.index_of(row["category_id"]) for row in rows]
        detections = Detections(
            boxes[None],
            torch.tensor([[row["score"] for row in rows]], dtype=torch.float64),
            torch.tensor([labels], dtype=torch.int64),
            torch.ones(1, len(rows), dtype=torch.bool),
        )
        sizes = torch.tensor([record.size])
        images = Images(torch.zeros(1, 3, 8, 8), sizes, sizes)
        coco_ap.update(detections, images, torch.tensor([record.image_id]))

    expected = score_coco(truth, results, "bbox").to_dict()
    found = coco_ap.compute().to_dict()

    assert found["bbox"] == pytest.approx(expected["bbox"], rel=0, abs=1e-12)
    assert list(found["per_class"]) == list(expected["per_class"])
    assert found["num_images"] == 100


def test_results_are_rows_with_original_ids_inside_the_image() -> None:
    records = make_records(2)
    detections, images, image_ids = detect(records, 1)

    rows = collect(records, [1]).results()

    assert len(rows) == detections.valid.sum()
    assert {row["image_id"] for row in rows} == {int(image_ids)}
    assert [row["score"] for row in rows] == detections.scores[detections.valid].tolist()
    assert {row["category_id"] for row in rows} <= set(records.categories.ids)
    height, width = images.original_sizes[0].tolist()
    for x, y, w, h in (row["bbox"] for row in rows):
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height


def test_an_image_that_comes_again_counts_once() -> None:
    records = make_records(4)

    scores = collect(records, [0, 1, 2, 3, 3, 1]).compute()

    assert scores == collect(records, [3, 2, 1, 0]).compute()


def test_images_that_never_came_are_missed_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    records = make_records(4)
    whole = collect(records, [0, 1, 2, 3]).compute()
    assert not caplog.records

    with caplog.at_level(logging.WARNING):
        part = collect(records, [0, 2]).compute()

    assert "2 of 4 images were not looked at" in caplog.text
    assert part.num_images == 4
    assert 0 < part.summary["AR100"] < whole.summary["AR100"]


def test_images_of_another_split_are_refused() -> None:
    coco_ap = CocoAP(make_records(2))
    detections, images, _ = detect(make_records(2), 0)
    coco_ap.update(detections, images, torch.tensor([7]))

    with pytest.raises(ValueError, match="1 images are not of this split, the first has id 7"):
        coco_ap.compute()


def test_detections_that_are_not_numbers_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    records = make_records(1)
    coco_ap = CocoAP(records)
    detections, images, image_ids = detect(records, 0)
    coco_ap.update(detections._replace(boxes=detections.boxes * torch.nan), images, image_ids)

    with caplog.at_level(logging.WARNING):
        assert coco_ap.compute().summary["AR100"] == 0

    assert "5 of 5 results are left out" in caplog.text


def test_after_a_reset_nothing_is_left() -> None:
    records = make_records(3)
    coco_ap = collect(records, [0, 1, 2])
    coco_ap.reset()
    assert coco_ap.results() == []

    for index in (0, 1, 2):
        coco_ap.update(*detect(records, index))

    assert coco_ap.compute() == collect(records, [0, 1, 2]).compute()


def test_two_processes_score_as_one(tmp_path: Path) -> None:
    """With one image, the first rank has none and repeats it."""
    sizes = [7, 1]
    on_ranks(score_as_rank, 2, tmp_path, sizes)

    expected = [collect(make_records(n), [*range(n)]).compute().to_dict() for n in sizes]
    for rank in (0, 1):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == expected
    assert 0 < expected[0]["bbox"]["AP"] < 1
