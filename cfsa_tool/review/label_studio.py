"""Samples as tasks of Label Studio, and the annotations that come back, for labs that have it.

`LABELS` is the labelling interface to be pasted into the project; the names in it are those that `read` looks for.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cfsa_tool.errors import ReviewError
from cfsa_tool.export.samples import Sample
from cfsa_tool.review.marks import TOP, Decision, Mark, rater_name
from cfsa_tool.review.store import Said

LABELS = """<View>
  <Image name="image" value="$image"/>
  <Header value="$question"/>
  <Repeater on="$triggers" indexFlag="{{idx}}">
    <Text name="trigger_{{idx}}" value="$triggers[{{idx}}].text"/>
    <Choices name="state_{{idx}}" toName="trigger_{{idx}}" choice="single" showInline="true">
      <Choice value="kept"/><Choice value="removed"/>
    </Choices>
    <TextArea name="words_{{idx}}" toName="trigger_{{idx}}" maxSubmissions="1" placeholder="better words"/>
  </Repeater>
  <TextArea name="added" toName="image" placeholder="a trigger that is missing"/>
  <Choices name="quality" toName="image" choice="single" showInline="true">
    <Choice value="0"/><Choice value="1"/><Choice value="2"/><Choice value="3"/><Choice value="4"/><Choice value="5"/>
  </Choices>
  <Choices name="flagged" toName="image"><Choice value="leave out"/></Choices>
  <TextArea name="comment" toName="image" maxSubmissions="1" placeholder="comment"/>
</View>
"""
_MEND = "Export the annotations of the project as JSON, and give that file"


def tasks(samples: Iterable[Sample], images: str) -> list[dict[str, Any]]:
    """The tasks of Label Studio for samples.

    Args:
        samples: of a run.
        images: what stands before the path of each image in the source: the address that serves them to Label Studio,
            for example ``/data/local-files/?d=photos/``.
    """
    return [
        {
            "data": {
                "sample": sample.id,
                "image": images + sample.item.name,
                "emotion": sample.built.emotion,
                "question": sample.question,
                "triggers": [{"text": text} for text in sample.triggers],
            }
        }
        for sample in samples
    ]


def read(file: Path, samples: Mapping[str, Sample]) -> Iterator[Said]:
    """The annotations in a file that Label Studio has exported as JSON; cancelled ones do not count.

    Raises:
        ReviewError: the file is none, or holds something that cannot be said of a sample of the run.
    """
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReviewError(f"cannot read {file}: {error.strerror}", _MEND) from None
    except (ValueError, RecursionError):
        raise ReviewError(f"{file} is not JSON, cut short or damaged", _MEND) from None
    if not isinstance(entries, list):
        raise ReviewError(f"{file} is no export of Label Studio", _MEND)
    for number, entry in enumerate(entries, start=1):
        where = f"{file}, task {number}"
        try:
            yield from _annotations(entry, samples, where)
        except ValidationError as error:
            raise ReviewError(f"{where}: {error.errors()[0]['msg']}", _MEND) from None
        except (KeyError, TypeError, AttributeError, IndexError, ValueError):
            raise ReviewError(f"{where} is no task that `cfsa label-studio export` has made", _MEND) from None


def _annotations(entry: Any, samples: Mapping[str, Sample], where: str) -> Iterator[Said]:
    name = entry["data"]["sample"]
    if name not in samples:
        raise ReviewError(f"{where} is about {name!r}, which is no sample of the run", _MEND)
    sample = samples[name]
    if [one["text"] for one in entry["data"]["triggers"]] != sample.triggers:
        raise ReviewError(f"{where}: the triggers of {name} are not those of the run", _MEND)
    for annotation in entry["annotations"]:
        if not annotation.get("was_cancelled"):
            mark = _mark(annotation["result"], sample)
            if trouble := mark.trouble(sample.built):
                raise ReviewError(f"{where}: {trouble}", _MEND)
            yield Said(_rater(annotation.get("completed_by"), where), sample, mark)


def _rater(by: Any, where: str) -> str:
    """Label Studio names who has annotated by a number, or with more about them."""
    name = str(by.get("email") or by.get("id") or "") if isinstance(by, dict) else str(by or "")
    name = f"label-studio {name}" if name.isdigit() else name
    if known := rater_name(name):
        return known
    raise ReviewError(f"{where} does not say who has annotated it", _MEND)


def _mark(results: Any, sample: Sample) -> Mark:
    said: dict[str, list[str]] = {}
    for result in results:
        value = result["value"]
        said[result["from_name"]] = [str(one) for one in value.get("choices") or value.get("text") or []]
    triggers = [
        Decision(
            source=place,
            text=next(iter(said.get(f"words_{place}", [])), text),
            state=_state(said.get(f"state_{place}", [])),
        )
        for place, text in enumerate(sample.triggers)
    ]
    added = [Decision(source=None, text=text, state="kept") for text in said.get("added", []) if text.strip()]
    quality = next(iter(said.get("quality", [])), None)
    if quality is not None and quality not in {str(value) for value in range(TOP + 1)}:
        raise ValueError(quality)
    return Mark(
        triggers=triggers + added,
        flagged=bool(said.get("flagged")),
        quality=None if quality is None else int(quality),
        comment="\n".join(said.get("comment", [])),
    )


def _state(choices: list[str]) -> Any:
    return choices[0] if choices else "open"
