"""Each wrong key gets a line that says what it is, what it must be, and what was meant."""

import json
from typing import Any

import pytest
from pydantic import ValidationError, field_validator

from lumbar.schema import Section
from lumbar.training.complaints import complaints, kinds_of, nearest, sections, shown
from lumbar.training.yaml_marks import plain
from tests.training.schema import Blur, Flip, Inner, Part, Root, Solver


def complain(values: dict[str, Any], schema: type[Section] = Root) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        schema.model_validate_json(json.dumps(values), strict=True)
    return list(complaints(caught.value, plain(values, "here"), schema))


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (
            {"model": {"inner": {"batch": 3.5}}},
            '"model.inner.batch" must be a whole number, got 3.5',
        ),
        ({"model": {"inner": {"batch": 0}}}, '"model.inner.batch" must be at least 1, got 0'),
        ({"model": {"inner": {"nms_iou": 2}}}, '"model.inner.nms_iou" must be at most 1, got 2'),
        ({"solver": {"lr": 0}}, '"solver.lr" must be more than 0, got 0'),
        ({"solver": {"lr": "0.1"}}, '"solver.lr" must be a number, got "0.1"'),
        ({"solver": {"lr": True}}, '"solver.lr" must be a number, got true'),
        ({"solver": {"steps": "x"}}, '"solver.steps" must be a whole number, got "x"'),
        ({"solver": {"steps": 0}}, '"solver.steps" must be at least 1, got 0'),
        ({"solver": {"nested": "yes"}}, '"solver.nested" must be true or false, got "yes"'),
        ({"solver": {"devices": 1.5}}, '"solver.devices" must be a whole number or auto, got 1.5'),
        ({"model": {"weights": None}}, '"model.weights" must be text, got null'),
        ({"model": "resnet"}, '"model" must be a section of settings, got "resnet"'),
        ({"sizes": 3}, '"sizes" must be a list, got 3'),
        ({"sizes": [1, "a"]}, '"sizes[1]" must be a number, got "a"'),
        ({"crop": [1]}, '"crop" must be a list of more values, got [1]'),
        ({"crop": []}, '"crop" must be a list of more values, got []'),
        ({"crop": [1, 2, 3]}, '"crop" must be a list of at most 2 values, got [1, 2, 3]'),
        ({"extras": [1]}, '"extras[0]" must be a mapping, got 1'),
        (
            {"solver": {"devices": "aut"}},
            '"solver.devices" must be a whole number or auto, got "aut", did you mean "auto"?',
        ),
        (
            {"model": {"name": "resnet5"}},
            '"model.name" must be one of resnet18, resnet50, got "resnet5", did you mean "resnet50"?',
        ),
    ],
)
def test_a_wrong_value(values: dict[str, Any], complaint: str) -> None:
    assert complain(values) == [f"here: {complaint}"]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"modle": {}}, 'unknown key "modle", did you mean "model"?'),
        (
            {"model": {"inner": {"nms_tresh": 0.5}}},
            'unknown key "model.inner.nms_tresh", did you mean "nms_iou"?',
        ),
        ({"lr": 0.1}, 'unknown key "lr", did you mean "solver.lr"?'),
        (
            {"model": {"steps": 1}},
            'unknown key "model.steps", did you mean "steps" or "solver.steps"?',
        ),
        (
            {"model": {"batch": 1}},
            'unknown key "model.batch", did you mean "steps[blur].inner.batch" or "model.inner.batch"?',
        ),
        (
            {"model": {"inner": {"xyz": 1}}},
            'unknown key "model.inner.xyz"; the keys here are nms_iou, batch',
        ),
    ],
)
def test_an_unknown_key(values: dict[str, Any], complaint: str) -> None:
    assert complain(values) == [f"here: {complaint}"]


def test_all_at_once() -> None:
    values = {
        "crop": 1,
        "solver": {"lr": -1, "devices": []},
        "model": {"inner": {"batch": 0, "b": 0}},
    }

    assert len(complain(values)) == 5


def test_without_an_origin_nothing_stands_before_the_key() -> None:
    with pytest.raises(ValidationError) as caught:
        Root.model_validate({"crop": 1})

    line, *_ = complaints(caught.value, plain({"crop": 1}, ""), Root)
    assert line.startswith('"crop" must be')


class Checked(Section):
    """Settings with a rule of their own."""

    even: int

    @field_validator("even")
    @classmethod
    def is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd numbers have no half")
        return value


def test_own_rules_speak_for_themselves() -> None:
    assert complain({"even": 3}, Checked) == ['here: "even": odd numbers have no half']


def test_a_missing_key_is_named() -> None:
    assert complain({}, Checked) == ['"even" is missing']


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ({"name": "blur", "radus": 1}, 'unknown key "steps[1].radus", did you mean "radius"?'),
        (
            {"name": "flip", "radius": 1},
            'unknown key "steps[1].radius", did you mean "steps[blur].radius"?',
        ),
        (
            {"name": "blur", "inner": {"nms_tresh": 1}},
            'unknown key "steps[1].inner.nms_tresh", did you mean "nms_iou"?',
        ),
        (
            {"name": "blur", "blur": 1},
            'unknown key "steps[1].blur"; the keys here are name, radius, inner',
        ),
        ({"name": "flip", "chance": 2}, '"steps[1].chance" must be at most 1, got 2'),
        (
            {"name": "flop"},
            '"steps[1].name" must be one of flip, blur, got "flop", did you mean "flip"?',
        ),
        ({"name": 3}, '"steps[1].name" must be one of flip, blur, got 3'),
        ({"radius": 1}, '"steps[1].name" is missing'),
        ("flip", '"steps[1]" must be a mapping, got "flip"'),
    ],
)
def test_one_of_several_sections_in_a_list(step: object, complaint: str) -> None:
    assert complain({"steps": [{"name": "blur"}, step]}) == [f"here: {complaint}"]


def test_what_is_wrong_in_a_list_is_not_missing_in_it() -> None:
    assert complain({"steps": [{"name": "flip", "chance": 2}]}) == [
        'here: "steps[0].chance" must be at most 1, got 2'
    ]
    assert complain({"steps": []}) == ['here: "steps" must be a list of at least 1 values, got []']


def test_sections_are_listed_in_order() -> None:
    assert sections(Root) == {
        "steps[flip]": Flip,
        "steps[blur]": Blur,
        "steps[blur].inner": Inner,
        "model": Part,
        "model.inner": Inner,
        "solver": Solver,
    }
    assert kinds_of(tuple[Inner, ...] | None) == {"": Inner}
    assert kinds_of(int | None) == {}


def test_only_what_is_near_is_proposed() -> None:
    assert nearest("resnt50", ["resnet18", "resnet50"]) == ', did you mean "resnet50"?'
    assert nearest("vgg", ["resnet18", "resnet50"]) == ""


def test_long_values_are_cut() -> None:
    assert len(shown(list(range(100)))) == 60
    assert shown("é") == '"é"'
