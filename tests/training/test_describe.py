"""`--help-config` names every setting with its default, type and meaning."""

import pytest

from lumbar.training.complaints import kinds_of, sections
from lumbar.training.describe import describe
from lumbar.training.load import override_config
from lumbar.training.yaml_marks import ConfigError
from tests.training.schema import Root


def test_every_setting_is_there_with_its_meaning() -> None:
    text = describe(Root)

    for place, section in ({"": Root} | sections(Root)).items():
        assert str(section.__doc__) in text
        for name, field in section.model_fields.items():
            if "" not in kinds_of(field.annotation) and f"{place}.{name}"[-6:] != "].name":
                assert f"  {f'{place}.{name}'.lstrip('.')}=" in text
                assert str(field.description) in text


def test_what_is_shown_can_be_typed() -> None:
    """Each `key=default` is an override that changes nothing; items of lists are only typed with their list."""
    lines = [line.split("  ")[1] for line in describe(Root).splitlines() if line.startswith("  ")]
    overrides = [line for line in lines if "=" in line and "]." not in line]

    assert len(overrides) == 13
    assert override_config(Root(crop=(0.1, 0.2)), overrides) == Root()


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("preset", "ours | theirs"),
        ("sizes", "[number, ...]"),
        ("crop", "[number, number] or null"),
        ("extras", "[mapping, ...]"),
        ("steps[blur].radius", "whole number, at least 1"),
        ("model.weights", "text"),
        ("model.inner.nms_iou", "number, at least 0, at most 1"),
        ("solver.steps", "whole number or null, at least 1"),
        ("solver.devices", "whole number or auto"),
        ("solver.nested", "true or false"),
    ],
)
def test_a_type_is_said_in_words(key: str, kind: str) -> None:
    line, meaning = describe(Root, key).splitlines()

    assert line.startswith(f"  {key}=")
    assert line.endswith(f"  {kind}")
    assert meaning.startswith("      ")


def test_a_section_comes_with_those_inside() -> None:
    assert describe(Root, "model").startswith("model: A part with a part.")
    assert "  model.inner.batch=512" in describe(Root, "model")
    assert "solver" not in describe(Root, "model")


def test_a_list_of_sections_comes_with_all_kinds_of_them() -> None:
    listed = describe(Root, "steps")

    assert listed.startswith("  steps=[{name: flip, chance: 0.25}]")
    assert listed.endswith(
        "\n\n".join(describe(Root, f"steps[{kind}]") for kind in ("flip", "blur"))
    )
    assert "steps[blur].inner.batch=512" in listed
    assert "].name" not in listed


@pytest.mark.parametrize(("name", "near"), [("modle", "model"), ("model.iner", "model.inner")])
def test_a_misspelt_section_is_an_error_with_a_proposal(name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f'no section "{name}", did you mean "{near}"'):
        describe(Root, name)


def test_an_unknown_section_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"there are steps\[flip\], .*, model, model\.inner"):
        describe(Root, "xyz")


def test_lines_fit_on_a_page() -> None:
    assert all(len(line) <= 100 for line in describe(Root).splitlines())
