"""Findings are ordered by how bad they are, and decide whether a study is ready."""

import json

from medical.study.finding import Finding, Findings, ordered

NOTE, WARNING, FATAL = (
    Finding(severity, "x", severity) for severity in ("note", "warning", "fatal")
)


def test_the_worst_come_first_and_others_keep_their_order() -> None:
    second = WARNING._replace(what="second")

    found = ordered([NOTE, WARNING, FATAL, second])

    assert found.found == (FATAL, WARNING, second, NOTE)
    assert found.counts == {"fatal": 1, "warning": 2, "note": 1}


def test_only_what_would_spoil_the_training_is_in_its_way() -> None:
    assert Findings(()).ready
    assert ordered([NOTE, WARNING]).ready
    assert not ordered([NOTE, FATAL]).ready


def test_a_finding_is_plain() -> None:
    finding = FATAL._replace(where=("a", "b"))

    assert json.loads(json.dumps(finding.to_dict()))["where"] == ["a", "b"]
