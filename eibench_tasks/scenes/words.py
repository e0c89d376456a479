"""What is said about a scene: who is in it, what they feel, the questions, and what a caption would tell."""

from collections.abc import Mapping, Sequence

from eibench_tasks.scenes.catalogue import causes
from eibench_tasks.scenes.places import PLACES
from eibench_tasks.scenes.scene import Figure, Scene

FEELING: Mapping[str, str] = {
    "happy": "happy",
    "angry": "angry",
    "sadness": "sad",
    "excitement": "excited",
    "fear": "frightened",
    "disgust": "disgusted",
    "surprise": "surprised",
    "contentment": "content",
}
"""How somebody feels who has an emotion."""

FACES: Mapping[str, str] = {
    "happy": "a broad smile that shows the teeth",
    "angry": "gritted teeth and drawn brows",
    "sadness": "tears that run down the cheeks and a mouth turned down",
    "excitement": "sparkling eyes and a wide open laughing mouth",
    "fear": "wide eyes, raised brows and a trembling mouth",
    "disgust": "eyes screwed up and the tongue put out",
    "surprise": "round eyes and a round open mouth",
    "contentment": "closed eyes and a gentle smile",
}
POSTURES: Mapping[str, str] = {
    "happy": "waves with one hand",
    "angry": "has put the fists on the hips",
    "sadness": "lets the arms hang down",
    "excitement": "throws both arms into the air",
    "fear": "holds the hands to the face and presses the knees together",
    "disgust": "covers the mouth and wards something off with one hand",
    "surprise": "has flung up both hands",
    "contentment": "has folded the hands",
}

QUESTIONS = (
    "What might have caused the {who} to feel {feeling}?",
    "Why does the {who} feel {feeling}?",
    "What in the picture explains why the {who} feels {feeling}?",
    "What makes the {who} so {feeling}?",
    "What could be the reasons why the {who} looks {feeling}?",
    "What has led the {who} to feel so {feeling}?",
)


def question(figure: Figure) -> str:
    """What is asked about somebody in a scene; it gives no cause away."""
    wording = QUESTIONS[figure.template % len(QUESTIONS)]
    return wording.replace("{who}", figure.person.words).replace("{feeling}", FEELING[figure.person.emotion])


def triggers(figure: Figure) -> list[str]:
    """The causes in words, in the order of the catalogue."""
    return [causes()[cause.name].trigger for cause in figure.causes]


def caption(scene: Scene) -> str:
    """What is visible, in a few sentences: people, place, faces, bodies, things."""
    people = [stranger(figure) for figure in scene.figures]
    sentences = [f"{' and '.join(people)} {'stand' if len(people) > 1 else 'stands'} {PLACES[scene.place].words}."]
    for figure in scene.figures:
        emotion = figure.person.emotion
        sentences.append(f"The {figure.person.kind} {POSTURES[emotion]} and has {FACES[emotion]}.")
    if objects := scene.objects:
        sentences.append(f"There is {listed(objects)}.")
    return " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)


def stranger(figure: Figure) -> str:
    """Somebody who was not spoken of yet: ``a girl in a red shirt``."""
    return f"a {figure.person.kind} in a {figure.person.shirt} shirt"


def listed(texts: Sequence[str]) -> str:
    """``a, b and c``."""
    *most, last = texts
    return f"{', '.join(most)} and {last}" if most else last
