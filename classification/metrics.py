"""Scores a classifier while it runs, on one process or many."""

from collections.abc import Sequence

from torch import Tensor

from classification.counts import Answers, join, no_answers
from classification.scores import ClassificationScores
from lumbar.training.ranks import from_all_ranks


class ClassificationMetric:
    """Collects what was predicted for a split, and scores it: on many processes exactly as on one.

    Only whole numbers are kept and sent, four for each image.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        """Starts with no image.

        Args:
            class_names: Of the K classes.
        """
        self._class_names = class_names
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        self._parts = [no_answers()]

    def update(self, scores: Tensor, labels: Tensor, image_ids: Tensor) -> None:
        """Adds a batch.

        Args:
            scores: (B, K) float; of equal ones that of the lower class counts as the higher.
            labels: (B,) int64.
            image_ids: (B,) int64, one for each image of the split; an image that comes again counts once.
        """
        columns = (image_ids, labels, scores.argmax(1), ranks_of(scores, labels))
        self._parts.append(Answers(*(column.cpu().numpy() for column in columns)))

    def compute(self) -> ClassificationScores:
        """Scores the images of all processes together; all must call it, and get the same."""
        self._parts = [join(self._parts)]
        answers = join(from_all_ranks(self._parts[0]))
        return ClassificationScores(class_names=self._class_names, answers=answers)


def ranks_of(scores: Tensor, labels: Tensor) -> Tensor:
    """Counts the classes that are preferred to the true one; a score that is no number is a wrong answer.

    Args:
        scores: (B, K) float.
        labels: (B,) int64.

    Returns:
        (B,) int64 in 0..K.
    """
    own = scores.gather(1, labels[:, None])
    before = labels.new_tensor(range(scores.shape[1])) < labels[:, None]
    return (~(scores <= own) | ((scores == own) & before)).sum(1)
