"""A list of losses is read like any section, and each mistake in it is told where it stands."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from lumbar.schema import Section
from lumbar.training.load import (
    ConfigError,
    config_from_dict,
    config_to_dict,
    describe,
    load_config,
)
from segmentation.loss_config import DEFAULT_LOSSES, DiceConfig, Losses, OhemConfig


class Root(Section):
    """A config with losses."""

    losses: Losses = DEFAULT_LOSSES
    """The losses."""


def read(folder: Path, *lines: str) -> Root:
    """A config of these lines."""
    source = folder / "losses.yaml"
    source.write_text("\n".join(lines))
    return load_config(Root, source)


def test_losses_are_a_list(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "losses:",
        "  - {name: ohem, class_weights: [0, 1.5]}",
        "  - {name: dice, weight: 0.5, over: image, class_weights: data}",
    )

    assert config.losses == (
        OhemConfig(name="ohem", class_weights=(0.0, 1.5)),
        DiceConfig(name="dice", weight=0.5, over="image", class_weights="data"),
    )
    assert config_from_dict(Root, config_to_dict(config)) == config


def test_a_list_is_given_whole_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("losses: [{name: dice}, {name: lovasz}]")

    config = load_config(Root, tmp_path / "a.yaml", ["losses=[{name: focal, gamma: 1}]"])

    assert [loss.name for loss in config.losses] == ["focal"]


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        ("{name: dice, ovr: image}", 'unknown key "losses[1].ovr", did you mean "over"?'),
        (
            "{name: dice, gamma: 2}",
            'unknown key "losses[1].gamma", did you mean "losses[focal].gamma"?',
        ),
        ("{name: dise}", '"losses[1].name" must be one of .*, got "dise", did you mean "dice"?'),
        ("{name: dice, weight: 0}", '"losses[1].weight" must be more than 0, got 0'),
        ("{name: tversky, false_positives: -1}", "must be more than 0, got -1"),
        ("{name: dice, over: pixels}", "must be one of image, batch, got"),
        (
            "{name: dice, class_weights: date}",
            'none, data or a list, got "date", did you mean "data"',
        ),
        ("dice", '"losses[1]" must be a mapping, got "dice"'),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, item: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "losses:", "  - {name: cross_entropy}", f"  - {item}")

    start, _, end = complaint.partition(".*")
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{tmp_path}/losses.yaml:3: ")
    assert start in line
    assert end in line


def test_no_loss_at_all_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        Root(losses=())


def test_help_explains_every_loss() -> None:
    text = describe(Root, "losses")

    assert text.startswith("  losses=[{name: cross_entropy}]")
    for name in ("cross_entropy", "ohem", "focal", "dice", "tversky", "lovasz", "boundary"):
        assert f"\nlosses[{name}]: " in text
        assert f"  losses[{name}].class_weights=none " in text
    assert describe(Root, "losses[dice]") in text
    assert "  losses[dice].over=batch " in text
