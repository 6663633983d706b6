"""Prints the catalogue: `python -m backbones`."""

import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch

from backbones.names import NAMES

_HEADS = (
    f"{'name':24}",
    f"{'parameters':>12}",
    f"{'multiply-adds':>15}",
    "at",
    "maps (channels/stride)",
)


def main(patterns: Sequence[str]) -> None:
    """Prints a line for each network whose name fits one of the patterns (`*_v1`), or for all."""
    names = [name for name in NAMES if any(fnmatch(name, pattern) for pattern in patterns or "*")]
    print("  ".join(_HEADS))  # noqa: T201 - what it is for
    for line in _lines(names):
        print(line, flush=True)  # noqa: T201
    print("without the classifier; of 3 channels; timm/NAME builds any network of timm")  # noqa: T201


def _lines(names: Sequence[str]) -> Iterator[str]:
    import torch

    from backbones.cost import cost
    from backbones.network import make_network

    for name in names:
        with torch.device("meta"):
            body = make_network(name)
        size = 32 if name.startswith("cifar_") else 224
        parameters, multiply_adds = cost(body, size)
        maps = " ".join(f"{m} {s.channels}/{s.stride}" for m, s in body.features.items())
        yield f"{name:24}  {parameters:12,}  {multiply_adds:15,}  {size:3}  {maps}"


if __name__ == "__main__":
    main(sys.argv[1:])
