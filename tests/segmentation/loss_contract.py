"""What every segmentation loss must pass for both tasks; the tests of each loss call `check_loss`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.waits import count_syncs
from lumbar.data.pixel_classes import IGNORE
from segmentation.labels import TASKS
from segmentation.losses import Loss

NUM_CLASSES = 3
CLASS_WEIGHTS = (1.0, 0.5, 2.0)
SIZE = (12, 10)

MakeLoss = Callable[..., Loss]
"""(task, class_weights=...) to a loss."""


def check_loss(make: MakeLoss) -> None:
    """All laws that hold for any loss."""
    for task in TASKS:
        loss = make(TASKS[task], class_weights=CLASS_WEIGHTS)
        check_ignored_pixels(loss, task)
        check_nothing_labelled(loss, task)
        check_precision(loss, task)
        check_batch_order(loss, task)
        check_class_order(make, task)
        check_graph(loss, task)
        check_answers(make(TASKS[task]), task)


def check_ignored_pixels(loss: Loss, task: str, *, seed: int = 1, share: float = 0.2) -> None:
    """Their logits change neither value nor gradient, and get no gradient."""
    logits = make_logits(seed).requires_grad_()
    labels = make_labels(task, seed=seed + 1, ignored=share)
    ignored = (labels == IGNORE).reshape(2, -1, *SIZE).expand_as(logits)
    value, gradient = with_gradient(loss, logits, labels)
    others = torch.where(ignored, torch.randn_like(logits) * 10, logits).detach().requires_grad_()
    other_value, other_gradient = with_gradient(loss, others, labels)

    torch.testing.assert_close(other_value, value, rtol=1e-12, atol=0)
    torch.testing.assert_close(other_gradient, gradient, rtol=1e-9, atol=1e-15)
    assert not gradient[ignored].any()
    assert gradient[~ignored].any()


def check_nothing_labelled(loss: Loss, task: str) -> None:
    """Without labels it is zero, with a gradient path."""
    logits = make_logits().requires_grad_()
    value, gradient = with_gradient(loss, logits, torch.full_like(make_labels(task), IGNORE))
    assert value == 0
    assert not gradient.any()


def check_precision(loss: Loss, task: str) -> None:
    """It never computes below float32, stays in float64, and large logits overflow nowhere."""
    labels = make_labels(task)
    exact, _ = with_gradient(loss, make_logits().requires_grad_(), labels)
    assert exact.dtype == torch.float64
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = make_logits().bfloat16()
        assert torch.equal(loss(rough, labels), loss(rough.float(), labels))
    torch.testing.assert_close(loss(rough, labels), loss(rough.double(), labels).float())
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        value, _ = with_gradient(loss, make_logits().to(dtype).requires_grad_(), labels)
        assert value.dtype == torch.float32
        torch.testing.assert_close(value.double(), exact, rtol=0.02, atol=0.02)
        extreme = (make_logits() * 100).to(dtype).requires_grad_()
        value, gradient = with_gradient(loss, extreme, labels)
        assert value.isfinite()
        assert gradient.isfinite().all()


def check_batch_order(loss: Loss, task: str) -> None:
    """The order of the images does not matter."""
    logits, labels = make_logits(), make_labels(task)
    torch.testing.assert_close(loss(logits.flip(0), labels.flip(0)), loss(logits, labels))


def check_class_order(make: MakeLoss, task: str) -> None:
    """Nor does the order of the classes."""
    order = [2, 0, 1]
    logits, labels = make_logits(), make_labels(task)
    if task == "multiclass":
        new_place = torch.full((IGNORE + 1,), IGNORE)
        new_place[order] = torch.arange(NUM_CLASSES)
        moved = new_place[labels.long()]
    else:
        moved = labels[:, order]
    loss = make(TASKS[task], class_weights=CLASS_WEIGHTS)
    turned = make(TASKS[task], class_weights=[CLASS_WEIGHTS[place] for place in order])
    torch.testing.assert_close(turned(logits[:, order], moved), loss(logits, labels))


def check_graph(loss: Loss, task: str) -> None:
    """It never waits for the device, and compiles into one graph."""
    labels = make_labels(task)

    def step(loss: Any) -> Tensor:
        logits = make_logits().requires_grad_()
        value: Tensor = loss(logits, labels)
        value.backward()
        return value

    assert count_syncs(lambda: step(loss)) == {}
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(step(compiled), step(loss))


def check_answers(loss: Loss, task: str) -> None:
    """A right answer costs nothing, an alarm where nothing is costs something, a wrong answer most."""
    labels = torch.zeros_like(make_labels(task))
    right = TASKS[task].masks(labels, NUM_CLASSES) * 60.0 - 30
    alarm = right.clone()
    alarm[:, 1, :3, :3] = 40
    nothing, little, much = loss(right, labels), loss(alarm, labels), loss(-right, labels)
    assert 0 <= nothing < 1e-6
    assert nothing + 1e-3 < little < much


def with_gradient(loss: Loss, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The value, and its gradient for the logits."""
    value: Tensor = loss(logits, labels)
    (gradient,) = torch.autograd.grad(value, logits)
    return value.detach(), gradient


def make_logits(seed: int = 1) -> Tensor:
    """Two images of noise, (2, K, *SIZE) float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, NUM_CLASSES, *SIZE, generator=generator, dtype=torch.float64) * 3


def make_labels(task: str, *, seed: int = 2, ignored: float = 0.2) -> Tensor:
    """Labels of two images, uint8, a share of them IGNORE; the second image lacks the last class."""
    generator = torch.Generator().manual_seed(seed)
    blocks = torch.randint(NUM_CLASSES, (2, 4, 5), generator=generator, dtype=torch.uint8)
    labels = blocks.repeat_interleave(3, 1).repeat_interleave(2, 2)
    labels[1].clamp_(max=NUM_CLASSES - 2)
    if task == "multilabel":
        labels = (labels[:, None] >= torch.arange(NUM_CLASSES)[:, None, None]).to(torch.uint8)
    return labels.masked_fill(torch.rand(labels.shape, generator=generator) < ignored, IGNORE)
