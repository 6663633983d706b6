"""Whoever evaluates does it silently; who is missing is passed over, or named."""

import sys
from importlib.metadata import version

import pytest

from detection.coco_backend import Backend, evaluate
from detection.coco_truth import Clean, sanitise
from tests.detection.coco_sets import EVALUATORS, made_up, need


def clean() -> Clean:
    return sanitise(*made_up("bbox"), "bbox")


@pytest.mark.parametrize("backend", EVALUATORS)
def test_an_evaluator_is_silent_and_names_itself(
    backend: Backend, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    need(backend)

    with caplog.at_level("INFO"):
        curves = evaluate(clean().truth, clean().results, "bbox", backend)

    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert (curves.evaluator, curves.version) == (backend, version(backend))
    assert curves.precision.shape == (10, 101, 3, 4, 3)
    assert curves.recall.shape == (10, 3, 4, 3)


def test_auto_takes_the_fastest_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for backend in EVALUATORS:
        need(backend)
        assert evaluate(clean().truth, clean().results, "bbox").evaluator == backend
        # Python's own way of saying that a module cannot be imported.
        monkeypatch.setitem(sys.modules, backend.replace("-", "_"), None)


def test_an_evaluator_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)

    with pytest.raises(ValueError, match="pip install faster-coco-eval"):
        evaluate(clean().truth, clean().results, "bbox", "faster-coco-eval")
