"""The catalogue as a user reads it."""

import runpy
import sys

import pytest

from backbones.__main__ import main


def test_it_is_printed_with_its_costs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["backbones", "resnet18", "cifar_resnet20"])
    monkeypatch.delitem(sys.modules, "backbones.__main__")
    runpy.run_module("backbones", run_name="__main__")
    _, large, small, _ = capsys.readouterr().out.splitlines()
    assert large.split() == [
        *("resnet18", "11,176,512", "1,813,561,344", "224"),
        *("c2", "64/4", "c3", "128/8", "c4", "256/16", "c5", "512/32"),
    ]
    assert small.split()[:4] == ["cifar_resnet20", "269,072", "40,550,400", "32"]


def test_patterns_choose(capsys: pytest.CaptureFixture[str]) -> None:
    main(["vgg*", "plain18"])
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:-1]]
    assert set(names) == {"vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "plain18"}
