"""Parts of the patients that are alike: in number, in cases, in how many have a lesion, and in how large these are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def make_folds(
    patients: Sequence[str], sizes: NDArray[np.float64], *, folds: int, seed: int
) -> NDArray[np.int64]:
    """Deals patients into folds, the heaviest first, each to the fold where it makes the least difference.

    The numbers of patients of two folds differ by one at most.

    Args:
        patients: Of each of the N cases.
        sizes: (N, F) how much of each foreground class a case has, in any unit; 0 where it has none.
        folds: How many parts.
        seed: Decides between what is equal.

    Returns:
        (N,) the fold of each case, in 0..folds-1.

    Raises:
        ValueError: There are fewer patients than folds.
    """
    names, of_case = np.unique(np.array([*patients], dtype=object), return_inverse=True)
    if len(names) < folds:
        raise ValueError(
            f"{len(names)} patients cannot be parted into {folds} folds: set `folds` to {max(2, len(names))} or less, "
            "add patients, or say by `patient` who a case belongs to"
            if len(names) > 1
            else "all cases are of one patient, and nobody could say how well others would be predicted: add patients, "
            "or say by `patient` who a case belongs to"
        )
    loads = _loads(of_case, np.asarray(sizes, np.float64).reshape(len(of_case), -1))
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-loads[order].max(1), kind="stable")]
    fold_of = _dealt(loads, order, folds)
    return fold_of[of_case]


def _loads(of_case: NDArray[np.int64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P, 1 + 2F) of each patient: cases, cases with each class, and how much of it, all as shares of the whole."""
    columns = np.concatenate([np.ones((len(sizes), 1)), sizes > 0, sizes], axis=1)
    loads = np.zeros((int(of_case.max()) + 1, columns.shape[1]))
    np.add.at(loads, of_case, columns)
    total = loads.sum(0)
    shares: NDArray[np.float64] = np.divide(loads, total, out=np.zeros_like(loads), where=total > 0)
    return shares


def _dealt(loads: NDArray[np.float64], order: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """(P,) the fold of each patient."""
    low, larger = divmod(len(loads), folds)
    filled = np.zeros((folds, loads.shape[1]))
    counts = np.zeros(folds, np.int64)
    fold_of = np.zeros(len(loads), np.int64)
    for patient in order:
        # So many folds may have one patient more than the others, and no fold two.
        room = counts < low + int((counts > low).sum() < larger)
        costs = ((filled + loads[patient]) ** 2 - filled**2).sum(1)
        fold = int(np.where(room, costs, np.inf).argmin())
        filled[fold] += loads[patient]
        counts[fold] += 1
        fold_of[patient] = fold
    return fold_of
