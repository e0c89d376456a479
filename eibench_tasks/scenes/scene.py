"""What a scene holds, drawn by lot from the catalogue: the place, the people, the causes of what they feel, the rest.

The lot is Python's generator, seeded with a text: the same in every version and on every machine.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from eibench_tasks.scenes.catalogue import EMOTIONS, Cause, Thing, causes, distractors, things
from eibench_tasks.scenes.people import HAIRS, KINDS, SHIRTS, SKINS, Person
from eibench_tasks.scenes.places import PLACES

RULES = 1
"""Counts changes of the rules by which scenes are composed, worded or drawn: a scene of another number is another."""
MOST_CAUSES = 5
"""Of a scene, with one person or with two."""
_FLOOR = (58, 169, 280, 391, 502)  # where things and people stand, from left to right
_HIGH = (66, 208, 352, 494)
_COMPLEX = 6  # of so many scenes, one shows two people
_TRIES, _ALIKE = 5000, 100  # attempts at a scene; so many of them differ in the causes only

Combinations = Literal["any", "training", "held out"]
"""Which sets of causes a scene may show; see `held_out`."""


@dataclass(frozen=True)
class Placed:
    """A thing in a scene.

    Attributes:
        name: in the catalogue.
        at: the middle of its lower edge, in pixels.
        size: pixels for 100 units.
        look, mirrored: see `Pen`.
    """

    name: str
    at: tuple[int, int]
    size: int
    look: int
    mirrored: bool


@dataclass(frozen=True)
class Figure:
    """Somebody in a scene.

    Attributes:
        person: who it is.
        at: between the feet, in pixels.
        mirrored: left and right change places.
        causes: of the emotion, in the order of the catalogue.
        template: number of the wording of the question.
    """

    person: Person
    at: tuple[int, int]
    mirrored: bool
    causes: tuple[Placed, ...]
    template: int

    @property
    def names(self) -> frozenset[str]:
        """The causes by name."""
        return frozenset(cause.name for cause in self.causes)


@dataclass(frozen=True)
class Scene:
    """Everything that a picture shows. A scene with two people is complex: they feel different things."""

    place: str
    figures: tuple[Figure, ...]
    others: tuple[Placed, ...]

    @property
    def placed(self) -> tuple[Placed, ...]:
        """All things, those of causes first."""
        return (*(cause for figure in self.figures for cause in figure.causes), *self.others)

    @property
    def objects(self) -> list[str]:
        """What is present beside people, in words, in the order of the catalogue."""
        return [things()[one.name].words for one in _ordered(self.placed)]


@dataclass(frozen=True)
class Twin:
    """A scene in which one cause of one person is gone or another; everything else is the same.

    Attributes:
        scene: after the change.
        figure: number of the person whose cause it was.
        removed: name of the cause that is gone.
        added: name of that which stands in its place; None where nothing does.
    """

    scene: Scene
    figure: int
    removed: str
    added: str | None


def held_out(names: Iterable[str]) -> bool:
    """Whether the embedded model was never trained on a person with exactly these causes: one set in four.

    Of a single cause no set can be held out; those scenes are new by their seed alone.
    """
    listed = sorted(names)
    return len(listed) > 1 and hashlib.sha256(" ".join(listed).encode()).digest()[0] < 64


def compose(seed: str, number: int, combinations: Combinations = "any", two: bool | None = None) -> Scene:
    """The scene of a seed and a number.

    Args:
        seed: any text; the same seed gives the same scenes.
        number: of the scene, from 0. Emotions take turns by it, and every sixth scene is complex.
        combinations: which sets of causes it may show.
        two: whether two people are in it, whatever the number.
    """
    several = number % _COMPLEX == _COMPLEX - 1 if two is None else two
    for attempt in range(_TRIES):
        # Only the causes are drawn anew, not their number: else the sets that pass would be the small ones.
        draw = Random(f"{RULES} {seed} {number} {attempt // _ALIKE}")
        lot = Random(f"{RULES} {seed} {number} {attempt} causes")
        scene = _two(draw, lot, number) if several else _one(draw, lot, number)
        if all(_allowed(figure.names, combinations) for figure in scene.figures) and _twins(scene, combinations):
            return scene
    raise AssertionError("no scene is left")


def twin(scene: Scene, seed: str, number: int, combinations: Combinations = "any") -> Twin:
    """The counterfactual twin of a scene that `compose` gave: one cause removed, or swapped for another of its emotion.

    The only cause of a person is swapped, so that the question keeps its sense.
    """
    found = _twins(scene, combinations)
    draw = Random(f"{RULES} {seed} {number} twin")
    removed, swapped = ([one for one in found if (one.added is None) is gone] for gone in (True, False))
    return draw.choice((removed if draw.randrange(2) and removed else swapped) or removed)


def _twins(scene: Scene, combinations: Combinations) -> list[Twin]:
    """All twins that a scene may have."""
    found: list[Twin] = []
    for index, figure in enumerate(scene.figures):
        for cause in figure.causes:
            if len(figure.causes) > 1:
                found.append(_changed(scene, index, cause, None))
            found += [_changed(scene, index, cause, other) for other in _instead(scene, figure, cause)]
    return [one for one in found if _allowed(one.scene.figures[one.figure].names, combinations)]


def _allowed(names: frozenset[str], combinations: Combinations) -> bool:
    return combinations == "any" or len(names) == 1 or held_out(names) is (combinations == "held out")


def _instead(scene: Scene, figure: Figure, cause: Placed) -> list[Cause]:
    """The causes that may stand where one stands."""
    indoors, was = PLACES[scene.place].indoors, causes()[cause.name]
    return [
        other
        for other in _of(figure.person.emotion, indoors)
        if other.high is was.high and other.name not in figure.names
    ]


def _changed(scene: Scene, index: int, cause: Placed, other: Cause | None) -> Twin:
    figure = scene.figures[index]
    kept = [one for one in figure.causes if one is not cause]
    if other:
        kept.append(replace(cause, name=other.name))
    figures = list(scene.figures)
    figures[index] = replace(figure, causes=_ordered(kept))
    changed = replace(scene, figures=tuple(figures))
    return Twin(changed, index, cause.name, other.name if other else None)


def _of(emotion: str, indoors: bool) -> list[Cause]:
    return [cause for cause in causes().values() if cause.emotion == emotion and cause.fits(indoors)]


def _one(draw: Random, lot: Random, number: int) -> Scene:
    """One person in the middle or beside it, with up to five causes."""
    place = draw.choice(sorted(PLACES))
    stands = draw.randrange(1, 4)
    floor, high = [spot for spot in range(5) if spot != stands], [0, 1, 2, 3]
    emotion = EMOTIONS[number % len(EMOTIONS)]
    figure = _figure(draw, lot, emotion, _FLOOR[stands], place, floor, high, draw.randrange(1, MOST_CAUSES + 1), KINDS)
    return _with_others(draw, place, (figure,), floor, high)


def _two(draw: Random, lot: Random, number: int) -> Scene:
    """Two people, each with causes of their own at their side."""
    place = draw.choice(sorted(PLACES))
    middle = draw.randrange(2)  # who gets the floor between them
    emotion = EMOTIONS[number // _COMPLEX % len(EMOTIONS)]
    other = draw.choice([one for one in EMOTIONS if one != emotion])
    kinds = draw.sample(KINDS, 2)
    spots = (([0, 2] if middle == 0 else [0], [0, 1]), ([4] if middle == 0 else [2, 4], [2, 3]))
    figures: list[Figure] = []
    for index, feels in enumerate((emotion, other)):
        floor, high = spots[index]
        left = MOST_CAUSES - sum(len(figure.causes) for figure in figures)
        kind, count = (kinds[index],), min(draw.randrange(1, 4), left)
        figures.append(_figure(draw, lot, feels, _FLOOR[1 + 2 * index], place, floor, high, count, kind))
    first, second = figures
    if first.person.shirt == second.person.shirt:
        shirts = sorted(SHIRTS)
        shirt = shirts[(shirts.index(second.person.shirt) + 1) % len(shirts)]
        figures[1] = replace(second, person=replace(second.person, shirt=shirt))
    free = [[*spots[0][kind], *spots[1][kind]] for kind in (0, 1)]
    return _with_others(draw, place, tuple(figures), free[0], free[1])


def _figure(
    draw: Random,
    lot: Random,
    emotion: str,
    x: int,
    place: str,
    floor: list[int],
    high: list[int],
    count: int,
    kinds: Sequence[str],
) -> Figure:
    """Somebody with so many causes as the free spots allow; the spots that they take are taken out of the lists."""
    person = Person(
        draw.choice(kinds), draw.choice(sorted(SHIRTS)), draw.randrange(len(SKINS)), draw.randrange(len(HAIRS)), emotion
    )
    figure = Figure(person, (x + _jitter(draw, 4), 424 + _jitter(draw, 6)), bool(draw.randrange(2)), (), 0)
    possible = _of(emotion, PLACES[place].indoors)
    lot.shuffle(possible)
    placed = list(_put(lot, possible, floor, high, count))
    return replace(figure, causes=_ordered(placed), template=draw.randrange(1_000))


def _with_others(draw: Random, place: str, figures: tuple[Figure, ...], floor: list[int], high: list[int]) -> Scene:
    possible = [thing for thing in distractors().values() if thing.fits(PLACES[place].indoors)]
    draw.shuffle(possible)
    return Scene(place, figures, tuple(_put(draw, possible, floor, high, draw.randrange(4))))


def _put(draw: Random, things: Sequence[Thing], floor: list[int], high: list[int], count: int) -> Iterable[Placed]:
    """Puts the first things that find a spot, at most so many; takes their spots out of the lists."""
    for thing in things:
        free = high if thing.high else floor
        if count and free:
            spot = free.pop(draw.randrange(len(free)))
            x, y = (_HIGH[spot], 134) if thing.high else (_FLOOR[spot], 424)
            at = (x + _jitter(draw, 4), y + _jitter(draw, 8 if thing.high else 14))
            yield Placed(thing.name, at, 88 + draw.randrange(11), draw.randrange(6), bool(draw.randrange(2)))
            count -= 1


def _jitter(draw: Random, most: int) -> int:
    return draw.randrange(-most, most + 1)


def _ordered(placed: Iterable[Placed]) -> tuple[Placed, ...]:
    """In the order of the catalogue."""
    known = list(things())
    return tuple(sorted(placed, key=lambda one: known.index(one.name)))
