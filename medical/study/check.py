"""The command check: reads every file of a study, and says what would spoil its training, on a page and as JSON."""

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lumbar.files import atomic_write
from medical.pages.words import count
from medical.study.check_page import check_page, decided
from medical.study.config import MedicalConfig
from medical.study.examination import Examination, examine
from medical.study.finding import Finding, Findings
from medical.study.proposed import proposed_yaml

_log = logging.getLogger(__name__)

_SHOWN = 5


def check(config: MedicalConfig, *, config_name: str, output: Path) -> Findings:
    """Examines a study, and writes `check.html`, `check.json` and `proposed.yaml`.

    Args:
        config: The settings.
        config_name: What they are called.
        output: Folder of the files, which name cases and so may name patients.

    Returns:
        What was found; where it is not `ready`, training would be spoilt.

    Raises:
        ValueError: There is no study: no folder, no known layout, files without a partner.
    """
    examination = examine(config, gpu=_has_gpu(config))
    resolved, findings = examination.resolved, examination.findings
    yaml = proposed_yaml(config, resolved, findings) if resolved else ""
    output.mkdir(parents=True, exist_ok=True)
    page, data, settings = (output / f for f in ("check.html", "check.json", "proposed.yaml"))
    check_page(examination, name=config_name, yaml=yaml).write(page)
    _write(data, _as_json(examination))
    if yaml:
        _write(settings, yaml)
    _log.info("%s", "\n".join(_summary(examination, config_name)))
    _log.info("page      %s\nfacts     %s", page, data)
    if yaml:
        _log.info("settings  %s", settings)
    return findings


def _has_gpu(config: MedicalConfig) -> bool:
    from lumbar.training.hardware import resolve_hardware

    return resolve_hardware(config.trainer).kind == "cuda"


def _as_json(examination: Examination) -> str:
    """Everything that was found; each case on a line of its own."""
    findings = examination.findings
    values = {
        "ready": findings.ready,
        "counts": dict(findings.counts),
        "findings": [finding.to_dict() for finding in findings.found],
        "classes": examination.study.classes.to_dict(),
        "settings": examination.resolved.to_dict() if examination.resolved else None,
        "duplicates": [
            {"cases": [pair.first.name, pair.second.name], "likeness": round(pair.likeness, 3)}
            for pair in examination.duplicates
        ],
    }
    cases = ",\n  ".join(_line(case.to_dict()) for case in examination.survey.facts)
    head = json.dumps(values, indent=1, allow_nan=False).removesuffix("\n}")
    return f'{head},\n "cases": [\n  {cases}\n ]\n}}\n'


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, allow_nan=False, separators=(",", ":"))


def _summary(examination: Examination, name: str) -> Iterator[str]:
    """What a terminal shows."""
    study, findings = examination.study, examination.findings
    patients = count(len(study.patients), "patient")
    counts = findings.counts
    yield (
        f"{name}: {'ready' if findings.ready else 'NOT READY'}, {count(len(study.cases), 'case')} of {patients}, "
        f"{counts['fatal']} to mend, {count(counts['warning'], 'warning')}, {count(counts['note'], 'note')}"
    )
    for finding in findings.found:
        yield from _told(finding)
    if examination.resolved is not None:
        yield "settings that were decided:"
        for key, value in decided(examination.resolved).items():
            yield f"  {key:14}{value}"


def _told(finding: Finding) -> Iterator[str]:
    yield f"{finding.severity.upper() if finding.severity == 'fatal' else finding.severity}: {finding.what}"
    if finding.severity != "note":
        yield from (f"    {place}" for place in finding.where[:_SHOWN])
        if len(finding.where) > _SHOWN:
            yield f"    and {len(finding.where) - _SHOWN} more"
    if finding.fix:
        yield f"    -> {finding.fix}"


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")
