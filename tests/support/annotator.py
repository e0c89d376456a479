"""A simulated vision model for CFSA: no model, but replies as one would give them, the same for the same question.

What it says depends on the image, the question and the attempt only, so that a run can be compared with another.
"""

import hashlib
import json
import math
import random
import re
from collections.abc import Sequence
from typing import Any

WHO = ("a girl in a red coat", "two boys on a bench", "an old man with a hat", "a woman at a table", "a young couple")
WHERE = ("in a park", "in a small kitchen", "on a rainy street", "in a crowded hall", "beside a lake")
CAUSES = (
    "a broken toy on the ground",
    "ice cream dropped on the pavement",
    "a birthday cake with candles",
    "friends who clap and cheer",
    "tears on the cheeks",
    "a wide smile",
    "an empty chair at the table",
    "a torn letter in the hand",
    "a trophy held up high",
    "rain without an umbrella",
    "a dog that jumps up",
    "hands thrown into the air",
    "a window with a hole in it",
    "luggage beside the door",
    "shoulders that hang down",
    "a holiday that begins tomorrow",
    "news that came by telephone",
    "the end of a long journey",
)
QUESTIONS = (
    "What lies on the ground in front of them?",
    "What do the people around them do?",
    "What time of the day could it be?",
    "What may have happened just before?",
    "Where do they look?",
    "What do they hold in their hands?",
    "Which weather is it?",
    "What does the place tell about the occasion?",
)
_FORM = re.compile(r'Reply with JSON only[^\n]*?: \{"(\w+)": (\[?)')
KINDS = ("explicit", "implicit")
CATEGORIES = ("objects", "facial expressions", "social interactions", "atmosphere", "body movements", "other")


def said(body: dict[str, Any]) -> dict[str, Any]:
    """The reply to the last message of a chat request, as the object that it asks for."""
    messages = body["messages"]
    text = words(messages[-1]).rpartition("You replied:")[2]
    contents = [part for message in messages if isinstance(message["content"], list) for part in message["content"]]
    image = next((part["image_url"]["url"] for part in contents if part["type"] == "image_url"), "")
    seed = hashlib.sha256(f"{image}\n{text}".encode()).hexdigest()
    draw = random.Random(seed)
    form, listed = _FORM.findall(text)[-1]
    return _OF[form, bool(listed)](text, draw, random.Random(hashlib.sha256(image.encode()).hexdigest()))


def words(message: dict[str, Any]) -> str:
    """The text of a message."""
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _labels(text: str, draw: random.Random, scene: random.Random) -> dict[str, Any]:
    causes = re.findall(r"^\d+\. ", text.partition("Causes:")[2], re.MULTILINE)
    return {"labels": [{"kind": draw.choice(KINDS), "category": draw.choice(CATEGORIES)} for _ in causes]}


def _question(text: str, draw: random.Random, scene: random.Random) -> dict[str, Any]:
    emotion = re.search(r"feels (\w+)", text)
    return {"question": f"Why does {scene.choice(WHO)} {scene.choice(WHERE)} feel {emotion[1] if emotion else 'so'}?"}


def _answers(text: str, draw: random.Random, scene: random.Random) -> dict[str, Any]:
    asked = re.findall(r"^(\d+)\. ", text, re.MULTILINE)
    causes = draw.sample(CAUSES, min(len(CAUSES), len(asked)))
    return {"answers": [f"There is {cause}, {draw.choice(WHERE)}." for cause in causes]}


def _questions(text: str, draw: random.Random, scene: random.Random) -> dict[str, Any]:
    count = int((re.search(r"up to (\d+)", text) or ["", "3"])[1])
    least = 1 if "general questions" in text else 0
    return {"questions": draw.sample(QUESTIONS, draw.randint(least, min(count, 3)))}


def _summary(text: str, draw: random.Random, scene: random.Random) -> dict[str, Any]:
    notes = [int(number) for number in re.findall(r"^(\d+)\. ", text, re.MULTILINE)]
    causes = scene.sample(CAUSES, scene.randint(3, 6))
    triggers = [{"text": cause.capitalize(), "notes": sorted(draw.sample(notes, 2))} for cause in causes]
    return {"question": f"Why does {scene.choice(WHO)} feel like this?", "triggers": triggers}


def _answer(text: str, draw: random.Random, scene: random.Random) -> dict[str, Any]:
    return {"answer": "yes" if draw.random() < 0.85 else "no"}


def _emotion(text: str, draw: random.Random, scene: random.Random) -> dict[str, Any]:
    return {"emotion": draw.choice(_known(text))}


def _emotions(text: str, draw: random.Random, scene: random.Random) -> dict[str, Any]:
    named = draw.sample(_known(text), 2)
    return {"emotions": [{"emotion": name, "whom": draw.choice(WHO)} for name in named]}


def _known(text: str) -> Sequence[str]:
    listed = re.search(r"Choose (?:one )?of: ([^\n]+)\.", text)
    assert listed, text
    return listed[1].split(", ")


def _description(text: str, draw: random.Random, scene: random.Random) -> dict[str, Any]:
    who, where = scene.choice(WHO), scene.choice(WHERE)
    return {"description": f"The picture shows {who} {where}. Before them there is {scene.choice(CAUSES)}."}


_OF = {
    ("question", False): lambda *a: _summary(*a) if '"triggers"' in a[0] else _question(*a),
    ("answers", True): _answers,
    ("questions", True): _questions,
    ("answer", False): _answer,
    ("emotion", False): _emotion,
    ("emotions", True): _emotions,
    ("description", False): _description,
    ("labels", True): _labels,
}


def text(body: dict[str, Any]) -> str:
    """The reply as text."""
    return json.dumps(said(body))


def logprobs(body: dict[str, Any], text: str) -> dict[str, Any]:
    """What a server says of the tokens of a reply: only yes and no had a choice."""
    tokens = re.findall(r'yes|no|[{}":, ]+|\w+|.', text)
    share = random.Random(text + words(body["messages"][-1])).uniform(0.55, 0.99)
    content = []
    for token in tokens:
        other = {"yes": "no", "no": "yes"}.get(token)
        top = [{"token": token, "logprob": math.log(share if other else 1.0)}]
        top += [{"token": other, "logprob": math.log(1 - share)}] if other else []
        content.append({"token": token, "logprob": top[0]["logprob"], "top_logprobs": top})
    return {"content": content}
