"""A config comes together from files, bases, presets and the command line, or says all that is wrong with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import lumbar
from lumbar.schema import Section
from lumbar.training import load
from lumbar.training.load import (
    ConfigError,
    config_from_dict,
    config_to_dict,
    dump_config,
    load_config,
    override_config,
    project_root,
)
from tests.training.schema import Inner, Part, Root, Solver

PRESETS = {
    "ours": {"sizes": [1, 2]},
    "theirs": {"sizes": [3], "model": {"inner": {"batch": 7, "nms_iou": 0.7}}},
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def problems(source: str, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(Root, source, overrides, presets=PRESETS)
    return str(caught.value).splitlines()


def test_a_file_fills_the_schema() -> None:
    write("a.yaml", "sizes: [8, 16.5]\nsolver: {lr: 1e-4, devices: 2}\n")

    assert load_config(Root, "a.yaml") == Root(sizes=(8.0, 16.5), solver=Solver(lr=1e-4, devices=2))


def test_bases_come_first_in_their_order_and_the_file_wins() -> None:
    write("sub/one.yaml", "solver: {lr: 1, steps: 1}\nmodel: {name: resnet18}\n")
    write("sub/two.yaml", "_base_: one\nsolver: {lr: 2, nested: true}\n")
    write("three.yaml", "solver: {lr: 3}\ncrop: [0.1, 0.2]\n")
    write("top.yaml", "_base_: [sub/two.yaml, three]\nsolver: {steps: 4}\n")

    config = load_config(Root, "top")
    assert config.solver == Solver(lr=3.0, steps=4, nested=True)
    assert config.model.name == "resnet18"
    assert config.crop == (0.1, 0.2)


def test_two_ways_to_one_base_are_no_circle() -> None:
    write("root.yaml", "sizes: [5]\n")
    write("left.yaml", "_base_: root\n")
    write("right.yaml", "_base_: root\n")
    write("top.yaml", "_base_: [left, right]\n")

    assert load_config(Root, "top").sizes == (5.0,)


def test_a_circle_of_bases_is_shown() -> None:
    write("a.yaml", "_base_: sub/b\n")
    write("sub/b.yaml", "_base_: ../a.yaml\n")

    assert problems("a.yaml") == [
        "sub/b.yaml: the bases go in a circle, a.yaml -> b.yaml -> a.yaml"
    ]


def test_a_missing_base_names_who_wants_it_and_what_is_near() -> None:
    write("faster.yaml", "")
    write("top.yaml", "# comment\n_base_: fastr.yaml\n")

    (line,) = problems("top.yaml")
    assert line.startswith('top.yaml:2: _base_: no such config "fastr.yaml"')
    assert 'did you mean "faster.yaml"?' in line
    assert str(Path.cwd()) in line


@pytest.mark.parametrize("base", ["3", "[a, 3]", "{a: b}", "null"])
def test_a_base_is_a_name(base: str) -> None:
    write("a.yaml", "")
    write("top.yaml", f"_base_: {base}\n")

    assert "top.yaml:1: _base_ must be the name of a config" in problems("top.yaml")[0]


def test_a_missing_config_says_where_it_was_looked_for() -> None:
    (line,) = problems("nowhere")
    assert line == (
        f'no such config "nowhere" (looked in {Path.cwd()}, {project_root() / "configs"})'
    )


def test_a_path_is_looked_for_only_where_it_points() -> None:
    write("sub/some.yaml", "")

    (line,) = problems("sub/sme.yaml")
    assert (
        line
        == f'no such config "sub/sme.yaml", did you mean "some.yaml"? (looked in {Path.cwd()}/sub)'
    )


def test_a_bare_name_is_found_in_configs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in an installed package: the folder within it, and `configs/` of the current folder before that."""
    monkeypatch.setattr(load, "_PACKAGED", tmp_path / "package")
    write("package/mine.yaml", "sizes: [1]\n")
    assert load_config(Root, "mine").sizes == (1.0,)
    write("configs/mine.yaml", "sizes: [2]\n")
    assert load_config(Root, "mine.yaml").sizes == (2.0,)
    write("mine.yaml", "sizes: [3]\n")
    assert load_config(Root, "mine").sizes == (3.0,)
    assert project_root() == tmp_path


def test_the_root_of_a_checkout_holds_the_package() -> None:
    assert project_root() == Path(lumbar.__file__).parents[1]


def test_overrides_win_and_the_later_ones_more() -> None:
    write("a.yaml", "solver: {lr: 1, steps: 2}\n")
    overrides = [
        "solver.lr=1e-3",
        "solver.lr=5",
        "model.inner.batch=3",
        "crop=[0.5, 1]",
        "solver.steps=null",
    ]

    config = load_config(Root, "a", overrides)
    assert config.solver == Solver(lr=5.0, steps=None)
    assert config.model.inner.batch == 3
    assert config.crop == (0.5, 1.0)


class Named(Section):
    """A section with names that only the user knows."""

    classes: dict[str, int] | str = ""
    """What each stands for."""


class Names(Section):
    """The root of it."""

    data: Named = Named()


def test_names_of_a_base_give_way_to_those_of_the_file_and_the_command_line() -> None:
    write("base.yaml", "data: {classes: {car: 1, road: 2}}\n")
    write("own.yaml", "_base_: base.yaml\ndata: {classes: {cat: 3}}\n")

    for name, overrides, expected in (
        ("own", [], {"cat": 3}),
        ("base", ["data.classes={dog: 4}"], {"dog": 4}),
        ("base", ["data.classes.dog=4"], {"car": 1, "road": 2, "dog": 4}),
        ("own", ["data={classes: {dog: 4}}"], {"dog": 4}),
        ("own", ["data.classes=voc"], "voc"),
    ):
        config = load_config(Names, name, overrides)
        assert config.data.classes == expected
        assert override_config(load_config(Names, name), overrides) == config


def test_none_is_text_and_null_is_nothing() -> None:
    write("a.yaml", "model: {weights: file}\nsolver: {steps: 3}\n")
    config = load_config(Root, "a", ["model.weights=none", "solver.steps=null"])

    assert config.model.weights == "none"
    assert config.solver.steps is None


def test_a_preset_lies_under_everything() -> None:
    write("base.yaml", "preset: theirs\n")
    write("a.yaml", "_base_: base\nmodel: {inner: {nms_iou: 0.9}}\n")

    config = load_config(Root, "a", presets=PRESETS)
    assert config.sizes == (3.0,)
    assert config.model.inner == Inner(batch=7, nms_iou=0.9)
    assert load_config(Root, "a", ["preset=ours"], presets=PRESETS).sizes == (1.0, 2.0)


def test_the_default_preset_counts_where_none_is_named() -> None:
    write("a.yaml", "")

    assert load_config(Root, "a", presets=PRESETS).sizes == (1.0, 2.0)
    assert load_config(Inner, "a", presets=PRESETS) == Inner()


def test_everything_wrong_is_said_at_once_in_the_order_of_the_lines() -> None:
    write("base.yaml", "solver:\n  lr: fast\n")
    write(
        "bad.yaml",
        "_base_: base\n"
        "modle: 3\n"
        "model:\n"
        "  name: resnet5\n"
        "  name: resnet51\n"
        "  inner:\n"
        "    nms_tresh: 0.5\n"
        "sizes:\n"
        "crop: [1]\n"
        "extras: 4\n",
    )

    assert [line.split(",")[0] for line in problems("bad", "solver.steps=0", "preset=thiers")] == [
        'bad.yaml:2: unknown key "modle"',
        'bad.yaml:5: "model.name" must be one of resnet18',
        'bad.yaml:5: key "model.name" is given twice',
        'bad.yaml:7: unknown key "model.inner.nms_tresh"',
        'bad.yaml:8: "sizes" has no value',
        'bad.yaml:8: "sizes" must be a list',
        'bad.yaml:9: "crop" must be a list of more values',
        'bad.yaml:10: "extras" must be a list',
        'base.yaml:2: "solver.lr" must be a number',
        'command line: "preset" must be one of ours',
        'command line: "solver.steps" must be at least 1',
    ]


def test_files_outside_the_current_folder_are_shown_in_full(tmp_path: Path) -> None:
    path = write("elsewhere/a.yaml", "x: 1\n").absolute()
    write("here/b.yaml", "")
    os.chdir("here")

    assert problems(str(path))[0].startswith(f"{tmp_path}/elsewhere/a.yaml:1: unknown key")


def test_a_file_that_is_no_text_is_named() -> None:
    Path("a.yaml").write_bytes(b"\xff\xfe\x00")

    assert problems("a.yaml")[0].startswith("a.yaml: cannot be read")


configs = st.builds(
    Root,
    preset=st.sampled_from(["ours", "theirs"]),
    sizes=st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple),
    crop=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
    extras=st.lists(st.dictionaries(st.text("ab1 .é"), st.integers() | st.booleans())).map(tuple),
    model=st.builds(Part, weights=st.text(st.characters(codec="utf-8", exclude_categories=["C"]))),
    solver=st.builds(
        Solver, devices=st.just("auto") | st.integers(), steps=st.none() | st.integers(1)
    ),
)


@given(configs)
@settings(max_examples=50, deadline=None)
def test_what_is_dumped_loads_as_the_same(config: Root) -> None:
    path = write("dumped.yaml", dump_config(config))

    assert load_config(Root, path, presets=PRESETS) == config
    assert yaml.safe_load(path.read_text(encoding="utf-8")).keys() == config_to_dict(config).keys()
    assert config_from_dict(Root, config_to_dict(config)) == config
    assert override_config(config, []) == config


@pytest.mark.parametrize(
    "text", ["none", "1e-4", "yes", "null", "1", "", "a: b", "#", "@", "2024-01-01"]
)
def test_text_stays_text(text: str) -> None:
    config = Root(model=Part(weights=text))

    assert load_config(Root, write("a.yaml", dump_config(config))) == config


def test_a_dump_is_in_the_order_of_the_schema_with_lists_in_brackets() -> None:
    lines = dump_config(Root()).splitlines()

    assert lines[:3] == ["preset: ours", "sizes: [32.0, 64.0]", "crop: null"]
    assert [line.split(":")[0] for line in lines if not line.startswith(" ")] == list(
        Root.model_fields
    )


def test_overrides_of_a_saved_config() -> None:
    config = override_config(Root(sizes=(1.0,)), ["solver.lr=3"])

    assert config == Root(sizes=(1.0,), solver=Solver(lr=3.0))
    with pytest.raises(ConfigError, match=r'command line: unknown key "solver\.rl"'):
        override_config(config, ["solver.rl=3"])


def test_a_stored_config_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r'^unknown key "sizs", did you mean "sizes"'):
        config_from_dict(Root, {"sizs": [1]})


def test_torch_is_not_imported() -> None:
    code = "import sys, lumbar.training.load; sys.exit('torch' in sys.modules or 'lightning' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(project_root())}

    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )
