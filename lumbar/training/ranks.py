"""What the processes of a run tell each other about it; tensors of the model are none of its business."""

from typing import TypeVar

import torch
import torch.distributed as dist

from lumbar.ops.reduce import num_ranks

T = TypeVar("T")


class Agreement:
    """Lets every rank learn what any of them has to say, all of them at the same call of `ask`.

    The words travel over the network from one call to the next, in the memory of the CPU: no call waits for the device,
    nor for the other ranks unless they are more than one call behind.
    """

    def __init__(self) -> None:
        group = dist.new_group(backend="gloo")
        assert isinstance(group, dist.ProcessGroup)
        self._group = group
        self._word = torch.zeros((), dtype=torch.int64)
        self._sent: dist.Work | None = None

    def ask(self, word: int) -> int:
        """Says `word`; the largest that a rank has said at the call before, 0 at the first call."""
        self._settle()
        answer = int(self._word)
        self._word = torch.tensor(word)
        self._sent = dist.all_reduce(
            self._word, dist.ReduceOp.MAX, group=self._group, async_op=True
        )
        return answer

    def close(self) -> None:
        """Waits until the last word is with all ranks, and hangs up: a process that ends before that may abort."""
        self._settle()
        dist.destroy_process_group(self._group)

    def least(self, number: int) -> int:
        """The smallest of the ranks' numbers; waits for all of them."""
        least = torch.tensor(number)
        dist.all_reduce(least, dist.ReduceOp.MIN, group=self._group)
        return int(least)

    def _settle(self) -> None:
        if self._sent is not None:
            self._sent.wait()
            self._sent = None


def from_all_ranks(value: T) -> list[T]:
    """What each rank has, in their order, on all of them; waits for all of them."""
    if num_ranks() == 1:
        return [value]
    values: list[T] = [value] * num_ranks()
    dist.all_gather_object(values, value)
    return values
