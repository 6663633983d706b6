"""Commands, files and snippets in the documents exist and fit together."""

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from classification.config import ClassificationConfig
from detection.config import DetectionConfig
from detection.presets import PRESETS
from lumbar.commands.study import load_study
from lumbar.training.load import load_config
from medical.study.config import MedicalConfig
from segmentation.config import SegmentationConfig
from tests.architecture.tree import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
OVERRIDE = re.compile(r"[a-z]\w*(\.\w+)*=.*")


def blocks(document: Path, *languages: str) -> list[str]:
    """Contents of the fenced blocks of these languages."""
    found = FENCE.findall(document.read_text(encoding="utf-8"))
    return [body for language, body in found if language in languages]


def commands(document: Path) -> list[list[str]]:
    """Words of each command line; a trailing backslash joins lines, and comments are dropped."""
    text = "".join(blocks(document, "sh", "bash", "console")).replace("\\\n", " ")
    lines = [shlex.split(line.removeprefix("$ "), comments=True) for line in text.splitlines()]
    return [words for words in lines if words]


@cache
def flags_of(tool: str, *subcommand: str) -> set[str]:
    """The options that the help of a tool names, or that of one of its commands."""
    command = [sys.executable, str(ROOT / "tools" / tool), *subcommand, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(re.findall(r"--[a-z][a-z-]*", done.stdout))


def tool_of(words: list[str]) -> str | None:
    """The file in `tools/` that a command runs, through Python or by its console script."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "scripts"
    ]
    if words[0] in scripts:
        return words[0].removeprefix("lumbar-").replace("-", "_") + ".py"
    assert not words[0].startswith("lumbar-"), f"no console script {words[0]}"
    return next((word.removeprefix("tools/") for word in words if word.startswith("tools/")), None)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_targets_of_make_exist(document: Path) -> None:
    targets = set(
        re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for words in commands(document):
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, words


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_tools_their_options_configs_and_keys_exist(document: Path) -> None:
    for words in commands(document):
        if tool := tool_of(words):
            script = f"tools/{tool}"
            arguments = words[words.index(script) :] if script in words else words  # not torchrun's
            options = {word.partition("=")[0] for word in arguments if word.startswith("--")}
            is_medical = tool == "medical.py"
            assert options <= flags_of(tool, *arguments[1:2] * is_medical), words
            overrides = [word for word in arguments if OVERRIDE.fullmatch(word)]
            named = words[words.index("--config") + 1] if "--config" in words else None
            if is_medical:
                load_config(MedicalConfig, named or "medical_nuclei", overrides)
            elif tool == "residual_study.py":
                load_study(named or "study_depth", overrides)
            elif tool.endswith("_cls.py"):
                load_config(ClassificationConfig, named or "cls_r18_bccd", overrides)
            elif tool.endswith("_seg.py"):
                load_config(SegmentationConfig, named or "fcn_r50", overrides)
            else:
                load_config(DetectionConfig, named or "faster_rcnn_r50", overrides, presets=PRESETS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_snippets_import_what_exists(document: Path) -> None:
    for snippet in blocks(document, "python"):
        for node in ast.walk(ast.parse(snippet)):
            if isinstance(node, ast.ImportFrom):
                module = import_module(f"{node.module}")
                assert all(hasattr(module, alias.name) for alias in node.names), node.module
