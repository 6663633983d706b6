"""The probe is the optimum of its convex problem."""

import torch

from classification.linear_probe import probe_scores
from tests.classification.clusters import make_clusters


def test_clusters_are_told_apart_whatever_their_scale() -> None:
    known, asked = (make_clusters(60, spread=0.15, seed=seed) for seed in (0, 1))

    scores = probe_scores(known, asked)

    assert torch.equal(scores.argmax(1), asked.labels)
    torch.testing.assert_close(scores.sum(1), torch.ones(60, dtype=torch.float64))
    scaled = probe_scores(
        known._replace(rows=known.rows * 1000 + 5), asked._replace(rows=asked.rows * 1000 + 5)
    )
    torch.testing.assert_close(scaled, scores, rtol=0, atol=1e-3)


def test_much_decay_leaves_the_frequencies_of_the_classes() -> None:
    known = make_clusters(30, spread=0.5, seed=0)
    known = known._replace(labels=torch.tensor([0] * 15 + [1] * 9 + [2] * 6))

    scores = probe_scores(known, known, decay=1e6)

    expected = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).expand(30, 3)
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-3)


def test_a_feature_that_never_changes_does_no_harm() -> None:
    known = make_clusters(30, spread=0.1, seed=0)
    rows = torch.cat((known.rows, torch.full((30, 1), 3.0)), dim=1)

    assert probe_scores(known._replace(rows=rows), known._replace(rows=rows)).isfinite().all()
