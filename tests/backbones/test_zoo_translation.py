"""Every tensor of a file is accounted for."""

import pytest
import torch

from backbones.zoo import Layout
from backbones.zoo_translation import Translation

LAYOUT = Layout(
    "somebody", sign="a", renames=((r"^theirs\.", "ours."),), unneeded={"^fc": "classifier"}
)
STATE = {
    "theirs.weight": torch.ones(2, 3),
    "theirs.num_batches_tracked": torch.tensor(7),
    "fc.weight": torch.ones(5),
    "fc.bias": torch.ones(1),
}
NETWORK = {"ours.weight": torch.zeros(2, 3)}


def translate() -> Translation:
    return Translation.of(STATE, LAYOUT, "file.pth")


def test_what_is_taken_and_what_is_left_out_adds_up() -> None:
    done = translate().completed(NETWORK, "net")

    assert done.state.keys() == {"ours.weight"}
    assert done.notes == {
        "left out, classifier": ("fc.weight", "fc.bias"),
        "left out, counters of batches": ("theirs.num_batches_tracked",),
    }
    assert str(done).splitlines() == [
        "file.pth: 1 tensors taken, named as by somebody",
        "  left out, classifier (2): fc.weight, fc.bias",
        "  left out, counters of batches (1): theirs.num_batches_tracked",
    ]


def test_counters_that_the_network_has_are_kept_or_start_at_zero() -> None:
    network = NETWORK | {
        "ours.num_batches_tracked": torch.tensor(0),
        "x.num_batches_tracked": torch.tensor(0),
    }

    state = translate().completed(network, "net").state

    assert state["ours.num_batches_tracked"] == 7
    assert state["x.num_batches_tracked"] == 0


def test_changes_are_noted() -> None:
    doubled = translate().changed("doubled", {"ours.weight": torch.full((2, 3), 2.0)})

    assert doubled.state["ours.weight"].sum() == 12
    assert doubled.notes["doubled"] == ("ours.weight",)
    left = doubled.without("unwanted", "ours.weight")
    assert "ours.weight" not in left.state
    assert left.notes["left out, unwanted"] == ("theirs.weight",)
    assert "  because" in str(left.noted("because")).splitlines()


@pytest.mark.parametrize(
    ("network", "problem"),
    [
        ({}, "1 without a place there: theirs.weight"),
        (NETWORK | {"ours.bias": torch.zeros(1)}, "1 missing: ours.bias"),
        ({"ours.weight": torch.zeros(3, 2)}, r"theirs.weight is \(2, 3\) and not \(3, 2\)"),
    ],
)
def test_a_tensor_too_many_too_few_or_misshapen_is_named(
    network: dict[str, torch.Tensor], problem: str
) -> None:
    with pytest.raises(
        ValueError, match=rf"file\.pth: names as by somebody, but not a net; .*{problem}"
    ):
        translate().completed(network, "net")


def test_no_tensor_hides_another() -> None:
    twice = {"theirs.weight": torch.ones(1), "ours.weight": torch.ones(1)}

    with pytest.raises(ValueError, match=r"theirs\.weight and ours\.weight mean the same"):
        Translation.of(twice, LAYOUT, "file.pth")
