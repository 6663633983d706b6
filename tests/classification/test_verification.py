"""Pairs are counted as the definitions say."""

import itertools
import math

import pytest
import torch

from classification.verification import verify
from tests.classification.clusters import make_clusters


def test_numbers_equal_brute_force() -> None:
    features = make_clusters(24, spread=0.6, seed=3)

    found = verify(features, rates=(0.1, 0.01))

    directions, labels = features.directions(), features.labels
    pairs = list(itertools.combinations(range(24), 2))
    cosines = {pair: float(directions[pair[0]] @ directions[pair[1]]) for pair in pairs}
    alike = [cosines[a, b] for a, b in pairs if labels[a] == labels[b]]
    others = sorted(cosines[a, b] for a, b in pairs if labels[a] != labels[b])
    victories = sum((a > b) + 0.5 * (a == b) for a in alike for b in others)
    assert (found.num_same, found.num_different) == (len(alike), len(others))
    assert found.area == pytest.approx(victories / len(alike) / len(others))
    for rate in (0.1, 0.01):
        threshold = others[-1 - math.floor(rate * len(others))]
        assert sum(b > threshold for b in others) <= rate * len(others)
        share = sum(a > threshold for a in alike) / len(alike)
        assert found.accepted[rate] == pytest.approx(share)


def test_apart_and_alike_are_the_ends() -> None:
    apart = verify(make_clusters(30, spread=1e-3, seed=0))
    assert (apart.area, {*apart.accepted.values()}) == (1.0, {1.0})

    same = make_clusters(30, spread=0.0, seed=0)
    same = same._replace(rows=torch.ones_like(same.rows))
    assert verify(same).area == 0.5


def test_one_class_has_no_pairs_of_two() -> None:
    features = make_clusters(6, spread=0.1, seed=0, classes=1)

    found = verify(features)

    assert math.isnan(found.area)
    assert found.to_dict()["area_under_roc"] is None
    assert "pairs: 15 of one class, 0 of two" in found.table()
