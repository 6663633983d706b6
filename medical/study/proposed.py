"""The settings as they were decided, as YAML that the tools read: each with its reason, and ready to be changed."""

from collections.abc import Mapping
from typing import Any

from lumbar.training.yaml_marks import dump
from medical.study.config import MedicalConfig
from medical.study.finding import Findings
from medical.study.proposal import Resolved

_WIDTH = 98


def proposed_yaml(config: MedicalConfig, resolved: Resolved, findings: Findings) -> str:
    """Writes the settings that differ from the defaults, and all that were decided, with the reasons as comments.

    Args:
        config: The settings that were given; they stay.
        resolved: What was decided from the data.
        findings: What is to be changed before it can be used stands above.

    Returns:
        The text of a YAML file that `load_config` reads; it decides nothing otherwise than `config` does, but for the
        size of patches, which depends on the machine and is only a comment.
    """
    given = config.model_dump(mode="json", exclude_defaults=True)
    values = given | _decided(resolved, given)
    lines = _comment(f"proposed by medical.py check, for the data {resolved.data_hash}")
    for finding in findings.of("fatal"):
        lines += _comment(f"to be mended first: {finding.what} ({finding.fix})")
    comments = _comments(resolved)
    # In the order of the schema, so that it reads like the documentation.
    for key in type(config).model_fields:
        if key in values or key in comments:
            lines += ["", *_comment(comments[key])] if key in comments else []
            lines += dump({key: values[key]}).splitlines() if key in values else []
    return "\n".join(lines) + "\n"


def _decided(resolved: Resolved, given: Mapping[str, Any]) -> dict[str, Any]:
    preprocess = resolved.preprocess
    decided: dict[str, Any] = {
        "modality": resolved.modality,
        "intensity": preprocess.intensity.kind,
        "zoom": preprocess.zoom,
        "losses": [
            {"name": loss.name} | loss.model_dump(mode="json", exclude_defaults=True)
            for loss in resolved.losses
        ],
        "flips": [*preprocess.flips],
        "augment": given.get("augment", {}) | {"flips": [*resolved.flips]},
    }
    if preprocess.plane is not None:
        decided["plane"] = preprocess.plane
    if resolved.modality == "ct" and preprocess.intensity.kind == "window":
        decided["window"] = [preprocess.intensity.low, preprocess.intensity.high]
    return decided


def _comments(resolved: Resolved) -> dict[str, str]:
    """What is said above each setting."""
    reasons = dict(resolved.reasons)
    height, width = resolved.preprocess.tile
    return {
        "modality": f"{reasons['modality']}; channels: {reasons['channels']}",
        "intensity": reasons["intensity"],
        "plane": reasons["plane"],
        "spacing": reasons["spacing"],
        "zoom": reasons["zoom"],
        "losses": reasons["losses"],
        "patch": f"patch: [{height}, {width}] here; {reasons['patch']}",
        "flips": f"in prediction: {reasons['flips']}",
        "augment": f"flips in training: {reasons['augment.flips']}",
    }


def _comment(text: str) -> list[str]:
    """The text in lines of comments."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) < _WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(f"# {word}")
    return lines
