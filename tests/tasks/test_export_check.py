"""Cases show an image alone and in a batch, and the table says what came of each."""

import numpy as np
import torch

from lumbar.ops.structures import Images
from lumbar.tasks.export_check import Case, Finding, compare_cases, make_cases, table
from lumbar.tasks.export_graph import CanvasRule
from tests.tasks.small_export import Reader, make_images


def test_each_image_is_compared_on_two_canvases_alone_and_with_its_mirror_image() -> None:
    pixels = np.random.default_rng(0).integers(256, size=(90, 128, 3), dtype=np.uint8)

    alone, pair = make_cases("photo", pixels, Reader().prepare, CanvasRule(32, 32))

    assert (alone.name, pair.name) == ("photo", "photo")
    assert alone.images.canvas.shape == (1, 3, 96, 128)
    assert pair.images.canvas.shape == (2, 3, 128, 160)
    image, mirrored = pair.images.canvas[..., :90, :128]
    assert torch.equal(image, alone.images.canvas[0, :, :90])
    assert torch.equal(mirrored, image.flip(-1))
    assert pair.images.sizes.tolist() == [[90, 128]] * 2


def judge(images: Images, expected: float, found: float) -> Finding:
    """Nothing but the difference."""
    away = found - expected
    return Finding(len(images.sizes), {"away": f"{away:g}"}, "DIFFERENT" if away else "equal")


CASES = [Case("a.jpg", make_images(16, 24)), Case("b.jpg", make_images(32, 16, batch=2))]


def test_the_file_is_compared_with_the_model() -> None:
    comparisons = compare_cases(
        CASES,
        lambda images: images.canvas.numel(),
        lambda images: images.canvas.shape[2] * 24 * 3,
        judge,
    )

    assert [(each.case.name, *each.finding) for each in comparisons] == [
        ("a.jpg", 1, {"away": "0"}, "equal"),
        ("b.jpg", 2, {"away": "-768"}, "DIFFERENT"),
    ]
    assert all(each.seconds > 0 and each.exported_seconds > 0 for each in comparisons)


def test_the_table_shows_every_case_and_the_medians() -> None:
    text = table(compare_cases(CASES, lambda _: 1.0, lambda _: 1.5, judge))

    head, one, other, medians = (" ".join(line.split()) for line in text.splitlines())
    assert head == "image canvas away eager s exported s"
    assert one.startswith("a.jpg 1 x 16 x 24 0.5 DIFFERENT ")
    assert other.startswith("b.jpg 2 x 32 x 16 0.5 DIFFERENT ")
    assert medians.startswith("median of an image ")
    assert len({len(line) for line in text.splitlines()}) == 1
