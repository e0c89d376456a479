"""The samples that logged answers belong to: from the prepared data, or from the annotations alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eibench_tasks.data import annotations, demo, source
from eibench_tasks.data.exported import Exported
from eibench_tasks.data.prepare import floor_answers
from eibench_tasks.data.prepared import load_prepared
from eibench_tasks.data.schema import Annotation, Protocol
from eibench_tasks.errors import EIBenchError, NotPreparedError
from eibench_tasks.scenes.fixed import docs_of, scenes_of_run

Doc = dict[str, Any]
"""A sample with the fields of `data.schema.Sample`, or those of an exported split; without images where only the
annotations are at hand."""


class Known:
    """Finds the sample of a logged line.

    Attributes:
        samples: all of them.
        protocol: the published protocol strings; None where only the demo split is known.
        annotations_sha256: names the version of the data.
    """

    def __init__(self, samples: list[Doc], protocol: Protocol | None, places: Mapping[str, int] | None = None) -> None:
        self.samples = samples
        self._places = places or {}
        self.protocol = protocol
        self.annotations_sha256 = dict(annotations.SHA256)
        self._by_id = {sample["id"]: sample for sample in samples}
        self._by_triggers: dict[str, list[Doc]] = {}
        for sample in samples:
            self._by_triggers.setdefault("\n".join(sample["triggers"]), []).append(sample)

    def of(self, entry: Mapping[str, Any]) -> Doc | None:
        """The sample that a line of a sample log is about: by its id, else by reference triggers and question.

        The logs of runs that measured nothing (``--predict_only``) hold no ids. Of drawn scenes some have both in
        common; these go by their place in the task, ``doc_id``.
        """
        row, doc = entry.get("recall_overall"), entry.get("doc")
        for known, key in ((row, "sample_id"), (doc, "id")):
            if isinstance(known, dict) and isinstance(known.get(key), str):
                return self._by_id.get(known[key])
        target, said = entry.get("target"), json.dumps(entry.get("input"), ensure_ascii=False)
        same = self._by_triggers.get(target, []) if isinstance(target, str) else []
        asked = [sample for sample in same if json.dumps(sample["question"], ensure_ascii=False)[1:-1] in said]
        found = asked or same  # a log of several turns may not hold the question
        if len(found) > 1:
            found = [sample for sample in found if self._places.get(sample["id"]) == entry.get("doc_id")]
        return found[0] if len(found) == 1 else None


def load_known(tasks: set[str], eibench: Path | None, exported: Sequence[Exported] = ()) -> Known:
    """The samples of the tasks.

    Args:
        tasks: names of tasks; those of the demo split and of drawn scenes need nothing else.
        eibench: a checkout of EIBench or a folder with its files, for a machine on which nothing is prepared.
        exported: splits that are among the tasks; they need nothing else either.

    Raises:
        EIBenchError: the annotations are neither prepared nor in the folder, or an exported split cannot be read.
    """
    samples: list[Doc] = []
    protocol = None
    if "eibench_demo" in tasks:
        samples += [sample.model_dump() for sample in demo.demo_samples()]
    places: dict[str, int] = {}
    if "eibench_scenes" in tasks:
        scenes = docs_of(scenes_of_run())
        places = {doc["id"]: place for place, doc in enumerate(scenes)}
        samples += scenes
    for split in exported:
        samples += split.samples()
    if tasks - {"eibench_demo", "eibench_scenes", *(split.facts.name for split in exported)} or eibench:
        published, protocol = _published(eibench)
        samples += published
    return Known(samples, protocol, places)


def _published(eibench: Path | None) -> tuple[list[Doc], Protocol]:
    if eibench is None:
        try:
            data = load_prepared()
            return [sample.model_dump() for sample in data.samples], data.protocol
        except NotPreparedError as error:
            mend = (
                "Run `eibench prepare`, or give the annotations: `eibench judge … --eibench DIR`"
                " (of a split that `cfsa export` has written: `--exported DIR`)"
            )
            raise EIBenchError(error.what, mend) from None
    items, protocol = source.load(eibench)
    floors = floor_answers(items)
    return [_doc(item, floors[item.id]) for item in items], protocol


def _doc(item: Annotation, floor: str) -> Doc:
    return item.model_dump() | {"image_id": item.image_key, "floor_answer": floor, "image": ""}
