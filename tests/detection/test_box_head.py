"""The head is torchvision's with the inputs of its first layer in another order."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.models.detection.faster_rcnn import TwoMLPHead

from detection.box_head import BoxPredictor, TwoFCHead, cells_first

CHANNELS, SIZE, DIM, NUM_CLASSES = 6, 3, 10, 4


def test_cells_first_makes_the_layer_equal_a_channel_first_one() -> None:
    weight, pooled = torch.randn(DIM, CHANNELS * SIZE**2), torch.randn(5, CHANNELS, SIZE, SIZE)

    expected = F.linear(pooled.flatten(1), weight)

    actual = F.linear(pooled.permute(0, 2, 3, 1).flatten(1), cells_first(weight, CHANNELS))
    torch.testing.assert_close(actual, expected)


def test_reordering_by_the_number_of_cells_undoes_it() -> None:
    weight = torch.randn(DIM, CHANNELS * SIZE**2)

    assert torch.equal(cells_first(cells_first(weight, CHANNELS), SIZE**2), weight)


def test_head_equals_torchvision_with_the_first_weight_reordered() -> None:
    theirs, ours = TwoMLPHead(CHANNELS * SIZE**2, DIM), TwoFCHead(CHANNELS * SIZE**2, DIM)
    state = theirs.state_dict()
    ours.load_state_dict(state | {"fc6.weight": cells_first(state["fc6.weight"], CHANNELS)})
    pooled = torch.randn(5, CHANNELS, SIZE, SIZE)

    torch.testing.assert_close(ours(pooled), theirs(pooled))
    assert ours.out_features == DIM


def test_memory_layout_does_not_matter() -> None:
    head, pooled = TwoFCHead(CHANNELS * SIZE**2, DIM), torch.randn(5, CHANNELS, SIZE, SIZE)

    assert torch.equal(head(pooled), head(pooled.contiguous(memory_format=torch.channels_last)))


def test_predictor_gives_a_logit_more_than_boxes() -> None:
    logits, deltas = BoxPredictor(DIM, NUM_CLASSES)(torch.randn(5, DIM))

    assert logits.shape == (5, NUM_CLASSES + 1)
    assert deltas.shape == (5, NUM_CLASSES, 4)


def test_deltas_are_by_class_then_side() -> None:
    predictor = BoxPredictor(DIM, NUM_CLASSES)
    with torch.no_grad():
        predictor.bbox_pred.weight.zero_()
        predictor.bbox_pred.bias.copy_(torch.arange(NUM_CLASSES * 4))

    _, deltas = predictor(torch.randn(1, DIM))

    assert deltas[0, 2].tolist() == [8.0, 9.0, 10.0, 11.0]


def test_normal_start_is_small_and_unbiased() -> None:
    predictor = BoxPredictor(512, 20)

    assert predictor.init_normal() is predictor
    assert predictor.cls_score.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert predictor.bbox_pred.weight.std().item() == pytest.approx(0.001, rel=0.1)
    assert predictor.cls_score.bias.abs().max() == predictor.bbox_pred.bias.abs().max() == 0
