"""A graph takes any batch and the canvases of its rule, and says which those are."""

import pytest
import torch

import lumbar
from backbones.base import FeatureSpec
from lumbar.tasks.export_graph import CanvasRule, FixedCanvas, trace
from tests.tasks.small_export import Edges, make_images, small_exportable


def test_canvases_grow_to_the_next_multiple() -> None:
    rule = CanvasRule(multiple=32, least=96)
    images = make_images(50, 130)

    fitted, larger = rule.fit(images), rule.fit(images, extra=1)

    assert fitted.canvas.shape[-2:] == (96, 160)
    assert larger.canvas.shape[-2:] == (128, 192)
    assert torch.equal(larger.canvas[..., :50, :130], images.canvas)
    assert larger.canvas.sum() == images.canvas.sum()
    assert torch.equal(rule.fit(fitted).canvas, fitted.canvas)


@pytest.mark.parametrize(
    ("strides", "pad_multiple", "rule"),
    [
        ((4, 8, 16, 32, 64), 1, (32, 96)),
        ((4, 8, 16, 32, 64), 48, (96, 96)),
        ((4, 8, 16, 32), 32, (32, 64)),
        ((4, 8, 8, 8), 1, (8, 16)),
    ],
)
def test_canvases_suit_the_maps_and_the_padding(
    strides: tuple[int, ...], pad_multiple: int, rule: tuple[int, int]
) -> None:
    features = {f"map{stride}": FeatureSpec(1, stride) for stride in sorted({*strides})}
    features |= {
        f"again{place}": FeatureSpec(1, strides[-1]) for place in range(strides.count(8) - 1)
    }

    assert CanvasRule.of(features, pad_multiple=pad_multiple) == rule


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 16, 16), (3, 24, 80)])
def test_a_program_takes_any_batch_and_canvas(batch: int, height: int, width: int) -> None:
    program = trace(small_exportable()).module()
    images = make_images(height, width, batch=batch)

    found = program(images.canvas, images.sizes)

    for actual, expected in zip(found, Edges()(images.canvas, images.sizes), strict=True):
        assert torch.equal(actual, expected)


def test_a_program_of_one_canvas_takes_any_batch() -> None:
    fixed = small_exportable()
    fixed = fixed._replace(inputs=fixed.inputs._replace(canvas=FixedCanvas(24, 40)))
    program = trace(fixed).module()

    for batch in (1, 3):
        images = fixed.inputs.canvas.fit(make_images(24, 40, batch=batch), extra=1)
        for actual, expected in zip(
            program(images.canvas, images.sizes), Edges()(images.canvas, images.sizes), strict=True
        ):
            assert torch.equal(actual, expected)
    assert fixed.describe()["canvas"] == {"height": 24, "width": 40}


def test_a_description_holds_settings_inputs_and_versions() -> None:
    assert small_exportable().describe() == {
        "lumbar": lumbar.__version__,
        "torch": torch.__version__,
        "images": {"dtype": "float32", "channels": 3},
        "canvas": {"multiple": 8, "least": 16},
        "colours": ["red", "green"],
    }
