"""A linear classifier on features that stay as they are: what is left to learn once they are known."""

import torch
import torch.nn.functional as F
from torch import Tensor

from classification.features import Features


def probe_scores(
    known: Features, asked: Features, *, decay: float = 1e-3, steps: int = 200
) -> Tensor:
    """Scores the classes of images by multinomial logistic regression.

    Features are first shifted and scaled to mean 0 and variance 1 over the known ones. The problem is convex and solved
    by L-BFGS in float64: nothing is random.

    Args:
        known: (N, D) with their classes, to learn from.
        asked: (M, D), of the same classes.
        decay: Weight of half the squared length of the weights beside the mean cross-entropy.
        steps: Iterations at most.

    Returns:
        (M, K) float64 probabilities.
    """
    mean = known.rows.double().mean(0)
    scale = known.rows.double().std(0, correction=0).clamp(min=1e-6)
    inputs, questions = ((part.rows.double() - mean) / scale for part in (known, asked))
    weight = inputs.new_zeros((len(known.class_names), inputs.shape[1])).requires_grad_()
    bias = inputs.new_zeros(len(known.class_names)).requires_grad_()
    solver = torch.optim.LBFGS([weight, bias], max_iter=steps, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        solver.zero_grad()
        loss = F.cross_entropy(F.linear(inputs, weight, bias), known.labels)
        loss = loss + decay / 2 * weight.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        solver.step(objective)
    return F.linear(questions, weight, bias).softmax(1).detach()
