"""Chance-corrected recall: how much of what an answer names it would not have named of any other image."""


def corrected(recall: float, chance: float) -> float | None:
    """Recall above chance, over the most that can be above it, in percent.

    ``chance`` is the recall of the same answers on the triggers of another image of the same emotion: what they
    name of those, they name without having seen them. With recall 55 and chance 10: (55 - 10) / (100 - 10) = 50.
    The form is that of Cohen's kappa (1960, "A coefficient of agreement for nominal scales"). It is negative where
    answers fit other images better than their own.

    Args:
        recall: in percent.
        chance: in percent.

    Returns:
        None where chance is 100.
    """
    return None if chance >= 100 else 100 * (recall - chance) / (100 - chance)
