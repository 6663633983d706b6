"""Neighbours vote as the definition says."""

import pytest
import torch

from classification.neighbours import neighbour_scores
from tests.classification.clusters import make_clusters


@pytest.mark.parametrize("count", [1, 5, 1000])
def test_votes_equal_brute_force(count: int) -> None:
    known = make_clusters(40, spread=0.8, seed=0)
    asked = make_clusters(11, spread=0.8, seed=1)

    scores = neighbour_scores(known, asked, count=count, temperature=0.1)

    for row, found in zip(asked.directions(), scores, strict=True):
        cosines = known.directions() @ row
        nearest = cosines.argsort(descending=True)[:count]
        votes = torch.zeros(3, dtype=torch.float64)
        for place in nearest:
            votes[known.labels[place]] += (cosines[place] / 0.1).exp()
        torch.testing.assert_close(found, votes / votes.sum())


def test_clusters_are_found_whatever_their_length() -> None:
    known, asked = (make_clusters(30, spread=0.1, seed=seed) for seed in (0, 1))

    scores = neighbour_scores(known, asked._replace(rows=asked.rows * 100))

    assert torch.equal(scores.argmax(1), asked.labels)
