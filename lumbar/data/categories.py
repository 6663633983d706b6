"""Classes of a data set: which class index stands for which name and which id of the annotation file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Categories:
    """Names and original ids of the classes 0..K-1; saved with the weights, so that results carry original ids."""

    names: tuple[str, ...]
    """Name of each class."""
    ids: tuple[int, ...]
    """Id of each class in the annotation file."""

    def __post_init__(self) -> None:
        """Checks that each class has one name and an id of its own.

        Raises:
            ValueError: Names and ids differ in number, or an id occurs twice.
        """
        if len(self.names) != len(self.ids):
            raise ValueError(
                f"{len(self.names)} class names, but {len(self.ids)} ids: {self.names}"
            )
        if len(set(self.ids)) != len(self.ids):
            raise ValueError(f"category ids must differ, got {self.ids} for {self.names}")

    def __len__(self) -> int:
        """Number of classes K, without the background."""
        return len(self.names)

    def index_of(self, category_id: int) -> int:
        """Returns the class 0..K-1 of an id.

        Raises:
            ValueError: No class has this id.
        """
        if category_id not in self.ids:
            raise ValueError(f"no category has the id {category_id}; there are {self.ids}")
        return self.ids.index(category_id)

    def to_dict(self) -> dict[str, list[Any]]:
        """Returns `{"names": [...], "ids": [...]}`, ready for JSON."""
        return {"names": list(self.names), "ids": list(self.ids)}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Restores what `to_dict` wrote.

        Raises:
            ValueError: It is something else.
        """
        names, ids = saved.get("names"), saved.get("ids")
        if not isinstance(names, list) or not isinstance(ids, list):
            raise ValueError(f'expected {{"names": [...], "ids": [...]}}, got {dict(saved)!r}')
        return cls(names=tuple(map(str, names)), ids=tuple(map(int, ids)))
