"""Everything public says what it is; what takes tensors says their shapes; everything is typed."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.tree import PACKAGES, SCRIPTS, Function, functions, parsed, sources

SHAPE = re.compile(r"[(\[][A-Za-z0-9*_+/ ]+,[^)\]]*[)\]]|\bscalar\b")
"""`(B, G, 4)`, `(N,)`, or the word for a tensor without axes."""

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public(node: Documented, name: str) -> Iterator[tuple[str, Documented]]:
    """A module or class and everything public inside it; what stands inside a function is nobody's interface."""
    yield name, node
    if isinstance(node, Function):
        return
    for child in node.body:
        if isinstance(child, ast.ClassDef | Function) and not child.name.startswith("_"):
            yield from public(child, f"{name}: {child.name}")


def arguments(function: Function) -> list[ast.arg]:
    """All arguments but self and cls."""
    args = function.args
    stars = [star for star in (args.vararg, args.kwarg) if star]
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, *stars]
    return [arg for arg in every if arg.arg not in ("self", "cls")]


def takes_tensors(function: Function) -> bool:
    """Whether an argument is a tensor, or holds some."""
    hints = [ast.unparse(arg.annotation) for arg in arguments(function) if arg.annotation]
    return any("Tensor" in hint for hint in hints)


def test_everything_public_has_a_docstring() -> None:
    assert not [
        name
        for file in sources(*PACKAGES, *SCRIPTS)
        for name, node in public(parsed(file), str(file))
        if not ast.get_docstring(node)
    ]


def test_public_functions_of_tensors_state_shapes() -> None:
    assert not [
        place
        for place, function in functions(*PACKAGES, *SCRIPTS)
        if not function.name.startswith("_") and takes_tensors(function)
        if not SHAPE.search(ast.get_docstring(function) or "")
    ]


def test_functions_are_typed() -> None:
    assert not [
        place
        for place, function in functions(*PACKAGES, *SCRIPTS, "tests")
        if function.returns is None or any(arg.annotation is None for arg in arguments(function))
    ]
