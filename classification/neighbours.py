"""Classes by nearest neighbours: how well features tell classes apart without any further training."""

import torch
from torch import Tensor

from classification.features import Features

_CHUNK = 1024


def neighbour_scores(
    known: Features, asked: Features, *, count: int = 20, temperature: float = 0.07
) -> Tensor:
    """Scores the classes of images by the classes of those that are most alike, by the cosine of their features.

    Each of the neighbours votes for its class with the weight exp(cosine / temperature), Wu et al. 2018
    (arXiv:1805.01978), section 3.4.

    Args:
        known: (N, D) with their classes.
        asked: (M, D), of the same classes.
        count: Neighbours that vote, at most N.
        temperature: Small values let the nearest ones decide.

    Returns:
        (M, K) float64 shares of the votes.
    """
    votes = torch.nn.functional.one_hot(known.labels, len(known.class_names)).double()
    directions = known.directions()
    scores = []
    for rows in asked.directions().split(_CHUNK):
        cosines, places = (rows @ directions.T).topk(min(count, len(directions)), dim=1)
        weights = (cosines / temperature).softmax(1)
        scores.append((weights[:, :, None] * votes[places]).sum(1))
    return torch.cat(scores)
