"""Class indices, names and original ids belong together, also after a trip through JSON."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.data.categories import Categories

ids = st.lists(st.integers(0, 10**6), unique=True, max_size=20)


@settings(max_examples=30)
@given(ids)
def test_index_and_id_are_inverse(numbers: list[int]) -> None:
    categories = Categories(names=tuple(map(str, numbers)), ids=tuple(numbers))

    assert len(categories) == len(numbers)
    assert [categories.index_of(number) for number in numbers] == list(range(len(numbers)))
    assert Categories.from_dict(json.loads(json.dumps(categories.to_dict()))) == categories


def test_an_unknown_id_is_named() -> None:
    with pytest.raises(ValueError, match=r"id 7.*\(1, 3\)"):
        Categories(names=("cat", "dog"), ids=(1, 3)).index_of(7)


def test_names_and_ids_must_fit() -> None:
    with pytest.raises(ValueError, match="2 class names, but 1 ids"):
        Categories(names=("cat", "dog"), ids=(1,))
    with pytest.raises(ValueError, match="must differ"):
        Categories(names=("cat", "dog"), ids=(1, 1))


@pytest.mark.parametrize("saved", [{}, {"names": ["cat"]}, {"names": "cat", "ids": [1]}])
def test_something_else_is_refused(saved: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Categories.from_dict(saved)
