"""Folds are alike, and no patient is in two of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medical.learning.folds import make_folds
from medical.study.cases import find_study
from tests.medical.learning.discs import small_config, write_pictures

cases = st.lists(
    st.tuples(st.integers(0, 12), st.floats(0, 100), st.sampled_from([0.0, 0.0, 5.0])),
    min_size=2,
    max_size=60,
)


@given(cases, st.integers(2, 6), st.integers(0, 5))
@settings(max_examples=150)
def test_patients_are_whole_and_evenly_dealt(
    rows: list[tuple[int, float, float]], folds: int, seed: int
) -> None:
    patients = [f"patient {number}" for number, _, _ in rows]
    if len({*patients}) < folds:
        return
    sizes = np.array([row[1:] for row in rows])

    fold_of = make_folds(patients, sizes, folds=folds, seed=seed)

    assert fold_of.shape == (len(rows),)
    of_patient = {name: {*fold_of[[p == name for p in patients]]} for name in patients}
    assert all(len(own) == 1 for own in of_patient.values())
    counts = np.bincount([next(iter(own)) for own in of_patient.values()], minlength=folds)
    assert counts.max() - counts.min() <= 1
    assert (fold_of == make_folds(patients, sizes, folds=folds, seed=seed)).all()


@given(st.integers(1, 3), st.integers(2, 5), st.integers(0, 20))
@settings(max_examples=8)
def test_in_folders_of_files_no_patient_is_in_two_folds(
    tmp_path_factory: pytest.TempPathFactory, of_each: int, folds: int, extra: int
) -> None:
    root = write_pictures(tmp_path_factory.mktemp("data"), folds + extra % 4, of_each=of_each)
    study = find_study(small_config(root, patient="(P\\d+)_"))
    sizes = np.ones((len(study.cases), 1))

    fold_of = make_folds([case.patient for case in study.cases], sizes, folds=folds, seed=extra)

    parts = [
        {
            case.images[0].name.split("_")[0]
            for case, own in zip(study.cases, fold_of, strict=True)
            if own == fold
        }
        for fold in range(folds)
    ]
    assert len(set.union(*parts)) == sum(map(len, parts)) == folds + extra % 4


def test_lesions_are_spread_by_presence_and_by_size() -> None:
    draw = np.random.default_rng(0)
    sizes = np.where(draw.random((90, 2)) < (0.3, 0.6), draw.lognormal(4, 1.5, (90, 2)), 0)

    fold_of = make_folds([str(number) for number in range(90)], sizes, folds=3, seed=0)

    for column in sizes.T:
        present = np.bincount(fold_of, column > 0)
        total = np.bincount(fold_of, column)
        assert present.max() - present.min() <= 2
        assert total.max() / total.min() < 1.35  # the largest weighs 5 % of all


def test_another_seed_deals_otherwise() -> None:
    patients, sizes = [str(number) for number in range(40)], np.ones((40, 1))

    dealt = {make_folds(patients, sizes, folds=4, seed=seed).tobytes() for seed in range(5)}

    assert len(dealt) == 5


def test_too_few_patients_are_an_error_that_says_what_to_do() -> None:
    with pytest.raises(
        ValueError, match=r"3 patients cannot be parted into 5 folds: set `folds` to 3"
    ):
        make_folds(["a", "b", "c", "c", "a"], np.ones((5, 1)), folds=5, seed=0)
    with pytest.raises(ValueError, match="all cases are of one patient"):
        make_folds(["a"] * 5, np.ones((5, 1)), folds=2, seed=0)
