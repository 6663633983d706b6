"""Files, functions and constructors stay small; most are much smaller."""

import ast
from statistics import median, quantiles

from tests.architecture.tree import PACKAGES, ROOT, SCRIPTS, Function, functions, sources

LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 60
MEDIAN_OF_FUNCTIONS = 11
NINTH_DECILE_OF_FUNCTIONS = 35
ARGUMENTS_OF_A_CONSTRUCTOR = 8
ARGUMENTS_BY_POSITION = 3


def body_lines(function: Function) -> int:
    """Lines of a function without its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 1


def test_files_are_short() -> None:
    texts = {
        file: (ROOT / file).read_text(encoding="utf-8") for file in sources(*PACKAGES, *SCRIPTS)
    }

    assert not [
        str(file) for file, text in texts.items() if len(text.splitlines()) > LINES_OF_A_FILE
    ]


def test_functions_are_short() -> None:
    lengths = {place: body_lines(function) for place, function in functions(*PACKAGES, *SCRIPTS)}

    assert not [place for place, length in lengths.items() if length > LINES_OF_A_FUNCTION]
    assert median(lengths.values()) <= MEDIAN_OF_FUNCTIONS
    assert quantiles(lengths.values(), n=10)[-1] <= NINTH_DECILE_OF_FUNCTIONS


def test_constructors_take_few_arguments() -> None:
    constructors = [
        (place, function.args)
        for place, function in functions(*PACKAGES, *SCRIPTS)
        if function.name == "__init__"
    ]

    assert not [
        place
        for place, args in constructors
        if len(args.args + args.kwonlyargs) - 1 > ARGUMENTS_OF_A_CONSTRUCTOR
        or len(args.args) - 1 > ARGUMENTS_BY_POSITION
    ]
