"""What can be in a scene: the causes of each emotion with their words, and things that cause nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from eibench_tasks.judging.llm.labels import Category, Kind
from eibench_tasks.scenes.pen import Pen
from eibench_tasks.scenes.things import (
    anger,
    contentment,
    disgust,
    excitement,
    fear,
    happy,
    neutral,
    sadness,
    surprise,
)

EMOTIONS = ("happy", "angry", "sadness", "excitement", "fear", "disgust", "surprise", "contentment")
"""EIBench's four first."""

Where = Literal["anywhere", "indoors", "outdoors"]
Draw = Callable[[Pen], None]


@dataclass(frozen=True)
class Thing:
    """Something that can be in a scene.

    Attributes:
        name: in the catalogue.
        words: what is to be seen, as in ``there is …``.
        draw: draws it.
        high: whether it hangs on the wall or stands in the sky; else it stands on the floor.
        where: in which places it can be.
    """

    name: str
    words: str
    draw: Draw
    high: bool = False
    where: Where = "anywhere"

    def fits(self, indoors: bool) -> bool:
        """Whether it can be in a place."""
        return self.where == "anywhere" or (self.where == "indoors") is indoors


@dataclass(frozen=True)
class Cause(Thing):
    """A thing that explains an emotion.

    Attributes:
        trigger: the cause in a phrase.
        emotion: that it causes; a cause of one emotion causes no other.
        kind, category: as EIBench labels triggers.
    """

    trigger: str = ""
    emotion: str = ""
    kind: Kind = "explicit"
    category: Category = "objects"


def _causes(emotion: str, *listed: tuple[Draw, str, str, Kind, Category, str]) -> list[Cause]:
    """The last field of each says where it can be: ``high`` and a `Where`."""
    found = []
    for draw, words, trigger, kind, category, place in listed:
        where: Where = "indoors" if "indoors" in place else "outdoors" if "outdoors" in place else "anywhere"
        found.append(Cause(draw.__name__, words, draw, "high" in place, where, trigger, emotion, kind, category))
    return found


@lru_cache(maxsize=1)
def causes() -> Mapping[str, Cause]:
    """All causes by name, in a fixed order."""
    listed = [
        *_causes(
            "happy",
            (happy.birthday_cake, "a birthday cake with burning candles",
             "Birthday cake with burning candles", "explicit", "objects", ""),
            (happy.wrapped_present, "a wrapped box with a big bow",
             "Present wrapped up with a big bow", "explicit", "objects", ""),
            (happy.greeting_dog, "a brown dog that jumps up and wags its tail",
             "Dog that greets its owner and wags its tail", "explicit", "social interactions", ""),
            (happy.fresh_bouquet, "a bouquet of fresh flowers",
             "Bouquet of fresh flowers", "explicit", "objects", ""),
            (happy.rainbow, "a rainbow in the sky",
             "Colourful rainbow across the sky", "explicit", "atmosphere", "high outdoors"),
            (happy.best_grade, "a school test with the best grade on it",
             "School test passed with the best grade", "implicit", "other", "high indoors"),
            (happy.engagement_ring, "a diamond ring in a small open box",
             "Diamond ring that promises a wedding", "implicit", "social interactions", ""),
            (happy.baby_cradle, "a cradle with a sleeping baby",
             "Newborn baby in the cradle", "explicit", "social interactions", ""),
        ),
        *_causes(
            "angry",
            (anger.smashed_window, "a window with a jagged hole in the glass",
             "Window pane smashed to pieces", "explicit", "objects", "high indoors"),
            (anger.shouting_man, "a red-faced man who shouts",
             "Quarrel with a man who shouts", "explicit", "social interactions", ""),
            (anger.smeared_wall, "a brick wall smeared with paint",
             "Brick wall smeared with graffiti", "explicit", "other", ""),
            (anger.spilled_coffee, "a laptop with coffee spilled over its keys",
             "Coffee spilled over the laptop keyboard", "explicit", "objects", ""),
            (anger.dented_car, "a car with a crumpled front",
             "Car wrecked in a crash", "explicit", "objects", "outdoors"),
            (anger.cracked_phone, "a phone with a cracked screen",
             "Cracked screen of the mobile phone", "explicit", "objects", ""),
            (anger.loud_speaker, "a big loudspeaker that blares music",
             "Noise of the neighbours' loud music", "implicit", "atmosphere", ""),
            (anger.alarm_clock, "an alarm clock that rings",
             "Alarm clock that rings far too early", "implicit", "other", ""),
        ),
        *_causes(
            "sadness",
            (sadness.dropped_ice_cream, "an ice cream cone upside down on the ground",
             "Ice cream dropped on the ground", "explicit", "objects", ""),
            (sadness.torn_letter, "a letter torn to pieces",
             "Letter torn to pieces", "explicit", "objects", ""),
            (sadness.wilted_flowers, "a vase with wilted flowers",
             "Wilted flowers drooping in a vase", "explicit", "objects", ""),
            (sadness.empty_chair, "a table set for two with an empty chair",
             "Empty chair of somebody who is missed at the table", "implicit", "social interactions", ""),
            (sadness.lost_balloon, "a balloon that floats away with its string loose",
             "Lost balloon floating away", "explicit", "objects", "high outdoors"),
            (sadness.gravestone, "a gravestone with a cross",
             "Grave of a loved one who has died", "implicit", "social interactions", "outdoors"),
            (sadness.broken_teddy, "a teddy bear with its arm torn off",
             "Teddy bear whose arm is torn off", "explicit", "objects", ""),
            (sadness.rain_cloud, "a dark cloud that pours down rain",
             "Pouring rain without an umbrella", "explicit", "atmosphere", "high outdoors"),
            (sadness.packed_suitcase, "a packed suitcase with a coat over it",
             "Farewell to somebody who has packed a suitcase", "implicit", "social interactions", ""),
        ),
        *_causes(
            "excitement",
            (excitement.golden_trophy, "a golden cup with two handles",
             "Golden trophy won in the competition", "explicit", "performances", ""),
            (excitement.roller_coaster, "a roller coaster with a loop",
             "Roller coaster ride with a loop", "explicit", "outdoor activities", "outdoors"),
            (excitement.fireworks, "fireworks that burst in the night sky",
             "Fireworks exploding in the night sky", "explicit", "atmosphere", "high outdoors"),
            (excitement.circled_date, "a calendar with one date circled in red",
             "Long-awaited day circled on the calendar", "implicit", "other", "high indoors"),
            (excitement.plane_tickets, "two plane tickets",
             "Journey by plane that the tickets promise", "implicit", "outdoor activities", "high indoors"),
            (excitement.stage_microphone, "a microphone in a spotlight on a stage",
             "Microphone on the stage waiting for the singer", "explicit", "performances", ""),
            (excitement.football_goal, "a goal with a football in its net",
             "Football shot into the goal", "explicit", "sports", ""),
            (excitement.hot_air_balloon, "a hot-air balloon with a basket",
             "Hot-air balloon ready for a flight", "explicit", "outdoor activities", "high outdoors"),
        ),
        *_causes(
            "fear",
            (fear.huge_spider, "a huge black spider on a thread",
             "Huge hairy spider on its thread", "explicit", "objects", "high"),
            (fear.rearing_snake, "a snake with open mouth and fangs",
             "Snake about to bite", "explicit", "objects", ""),
            (fear.monster_shadow, "a dark shadow with claws on the wall",
             "Monster imagined in the dark shadow", "implicit", "atmosphere", "high indoors"),
            (fear.spreading_flames, "flames and smoke on the floor",
             "Dangerous fire on the floor", "explicit", "other", ""),
            (fear.lightning, "lightning from a black storm cloud",
             "Lightning strike of a thunderstorm", "explicit", "atmosphere", "high outdoors"),
            (fear.growling_dog, "a dark dog that bares its teeth",
             "Attack threatened by a growling dog", "implicit", "other", ""),
            (fear.burglar, "a masked man who climbs in through the window",
             "Masked burglar breaking in", "explicit", "social interactions", "high indoors"),
        ),
        *_causes(
            "disgust",
            (disgust.rotten_apple, "a rotten apple with a worm",
             "Worm in a rotten apple", "explicit", "objects", ""),
            (disgust.overflowing_bin, "a rubbish bin that overflows",
             "Heap of garbage in the bin", "explicit", "objects", ""),
            (disgust.dirty_dishes, "a pile of dirty plates",
             "Pile of dirty dishes", "explicit", "objects", ""),
            (disgust.cockroaches, "cockroaches on a plate",
             "Cockroaches crawling over the plate", "explicit", "objects", ""),
            (disgust.dead_fish, "a dead fish on a sheet of paper",
             "Stench of a dead fish", "implicit", "atmosphere", ""),
            (disgust.mouldy_bread, "slices of bread with green mould",
             "Mould on the slices of bread", "explicit", "objects", ""),
            (disgust.dog_dirt, "a shoe in a brown pile",
             "Shoe that has stepped into dog dirt", "explicit", "clothing", ""),
            (disgust.gnawing_rat, "a grey rat that gnaws at cheese",
             "Rat gnawing at the cheese", "explicit", "objects", ""),
        ),
        *_causes(
            "surprise",
            (surprise.jack_in_the_box, "a clown on a spring above an open box",
             "Clown springing out of a box", "explicit", "performances", ""),
            (surprise.rabbit_in_hat, "a white rabbit in a black top hat",
             "Rabbit pulled out of the magician's hat", "explicit", "performances", ""),
            (surprise.flying_saucer, "a flying saucer with a beam of light",
             "Alien spaceship appearing in the sky", "explicit", "other", "high outdoors"),
            (surprise.treasure_chest, "a chest full of gold coins",
             "Treasure of gold coins found in a chest", "explicit", "objects", ""),
            (surprise.lost_elephant, "an elephant",
             "Elephant where nobody expects one", "implicit", "other", ""),
            (surprise.open_door, "an open door with a man who waves",
             "Unexpected visit of an old friend at the door", "implicit", "social interactions", ""),
            (surprise.hatching_egg, "an egg out of which a chick looks",
             "Chick hatching from the egg", "explicit", "other", ""),
        ),
        *_causes(
            "contentment",
            (contentment.open_book, "an open book with reading glasses on it",
             "Good book to read in peace", "explicit", "objects", ""),
            (contentment.steaming_tea, "a steaming cup of tea beside a teapot",
             "Steaming cup of tea", "explicit", "objects", ""),
            (contentment.sleeping_cat, "a cat asleep on a cushion",
             "Cat asleep on its cushion", "explicit", "objects", ""),
            (contentment.fireplace, "a fireplace with a small fire",
             "Warmth of the fireplace", "explicit", "atmosphere", "indoors"),
            (contentment.hammock, "a hammock with a pillow",
             "Rest in the hammock", "implicit", "outdoor activities", "outdoors"),
            (contentment.setting_sun, "a sun that sets over the sea",
             "Calm sunset over the sea", "explicit", "atmosphere", "high outdoors"),
            (contentment.knitting, "a half-knitted scarf on two needles",
             "Scarf being knitted out of wool", "explicit", "clothing", ""),
            (contentment.picnic_basket, "a picnic basket on a chequered blanket",
             "Picnic on a blanket outdoors", "explicit", "outdoor activities", "outdoors"),
        ),
    ]  # fmt: skip
    return {cause.name: cause for cause in listed}


@lru_cache(maxsize=1)
def distractors() -> Mapping[str, Thing]:
    """All things that cause nothing, by name, in a fixed order."""
    listed = (
        Thing("potted_plant", "a potted plant", neutral.potted_plant),
        Thing("floor_lamp", "a floor lamp", neutral.floor_lamp, where="indoors"),
        Thing("wall_clock", "a round clock on the wall", neutral.wall_clock, True, "indoors"),
        Thing("framed_picture", "a framed landscape painting", neutral.framed_picture, True, "indoors"),
        Thing("bucket", "a bucket", neutral.bucket),
        Thing("broom", "a broom", neutral.broom),
        Thing("mailbox", "a mailbox", neutral.mailbox, where="outdoors"),
        Thing("traffic_cone", "a traffic cone", neutral.traffic_cone, where="outdoors"),
        Thing("ladder", "a stepladder", neutral.ladder),
        Thing("watering_can", "a watering can", neutral.watering_can),
        Thing("fire_hydrant", "a fire hydrant", neutral.fire_hydrant, where="outdoors"),
        Thing("street_lamp", "a street lamp", neutral.street_lamp, where="outdoors"),
        Thing("stool", "a stool", neutral.stool),
        Thing("globe", "a globe on a stand", neutral.globe, where="indoors"),
        Thing("white_cloud", "a white cloud", neutral.white_cloud, True, "outdoors"),
        Thing("flying_bird", "a bird in flight", neutral.flying_bird, True, "outdoors"),
    )
    return {thing.name: thing for thing in listed}


@lru_cache(maxsize=1)
def things() -> Mapping[str, Thing]:
    """Everything that a scene can hold, causes first."""
    return {**causes(), **distractors()}
