"""The closing words of a fit: how well each class was found in cases that the models had not seen."""

from collections.abc import Sequence

import numpy as np

from medical.learning.decision import Fitted


def summarise(fitted: Fitted, names: Sequence[str]) -> str:
    """Tells the mean Dice of each foreground class, and what was decided.

    Args:
        fitted: Of all N cases.
        names: Of the K classes, the background first.
    """
    dice, present = fitted.dice[:, 1:], fitted.present[:, 1:]
    width = max(map(len, names))
    lines = [f"out of fold, mean Dice over the cases that have a class, of {len(dice)} cases"]
    for name, scores, there in zip(names[1:], dice.T, present.T, strict=True):
        # Of a case without the class there is a score only where it was found all the same.
        alarms = int((~np.isnan(scores[~there])).sum())
        mean = f"{scores[there].mean():.3f}" if there.any() else "-"
        lines.append(
            f"  {name:{width}}  {mean}  of {int(there.sum())} that have it, {int((scores[there] == 0).sum())} missed; "
            f"{alarms} false alarms in {int((~there).sum())} others"
        )
    return "\n".join([*lines, *_decided(fitted)])


def _decided(fitted: Fitted) -> list[str]:
    decision, review = fitted.decision, fitted.review
    lines = [
        f"decided by them: temperature {decision.temperature:.3g}, threshold {decision.threshold:g}"
    ]
    if review is None:
        return [*lines, "too few cases to say which of them a person should look at"]
    lines.append(
        f"review below an expected Dice of {review.below:.3f}: {review.flagged} of {review.cases} cases, among them "
        f"{review.caught} of the {review.worst} worst"
    )
    return lines
