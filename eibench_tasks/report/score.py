"""`eibench score`: the published score of a file as a table."""

from eibench_tasks.metrics.published import GAVE_UP, PublishedScore, Share
from eibench_tasks.report.text import columns, number, span


def render(found: PublishedScore) -> str:
    """The table as text, with the reasons and notes below it."""
    head = ["emotion", "scored", "unusable", "score", "recall %", "bounds"]
    rows = [_row(name, share) for name, share in (*found.emotions.items(), ("overall", found.overall))]
    if found.overall.reference_recall is not None:
        head.append("recall %, reference denominator")
        shares = (*found.emotions.values(), found.overall)
        rows = [[*row, number(share.reference_recall)] for row, share in zip(rows, shares, strict=True)]
    reasons = [f"{count:5}  the reply {reason}" for reason, count in found.reasons.items()]
    return "\n".join([*columns(head, rows), "", *(["Unusable:", *reasons, ""] if reasons else []), *_notes(found)])


def _row(name: str, share: Share) -> list[str]:
    bounds = span(share.bound_low, share.bound_high)
    return [name, str(share.scored), str(share.unusable), number(share.score, 5), number(share.recall), bounds]


def _notes(found: PublishedScore) -> list[str]:
    notes = [f"Scored: {found.overall.scored} of {found.split_size} samples of the {found.split} split."]
    if found.overall.unusable:
        notes.append("bounds: recall if the unusable replies had missed, or named, all triggers.")
    if found.gave_up:
        notes.append(
            f"Replies that are exactly {GAVE_UP}: {found.gave_up}. The reference script also writes that for a reply"
            " that failed five times."
        )
    if found.repeated_images and found.split == "basic":
        notes.append(f"Replies that repeat an image: {found.repeated_images}. Each is counted, as published.")
    if found.no_emotion:
        notes.append(f"Replies about images of none of the four emotions: {found.no_emotion}. They count overall only.")
    if found.other_total is not None:
        notes.append(
            "Replies with another denominator than the number of reference triggers:"
            f" {found.other_total} of {found.with_reference}."
        )
    return notes
