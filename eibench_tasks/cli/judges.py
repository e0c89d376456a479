"""Commands that ask a judge."""

from pathlib import Path
from typing import Any

import click

from eibench_tasks.cli.options import PATH, judge_options, options_from, stopped, to_json
from eibench_tasks.errors import EIBenchError


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--judge", "judges", multiple=True, metavar="NAME", help="May be repeated; by default EIBENCH_JUDGE.")
@click.option("-o", "--output", type=PATH, help="Write there; by default into judged/ beside the logs.")
@click.option("--eibench", type=PATH, help="The annotations, on a machine where nothing is prepared.")
@click.option("--exported", type=PATH, multiple=True, help="A split of `cfsa export` that was run; may be repeated.")
@click.option(
    "--chance-samples",
    type=click.IntRange(0),
    default=200,
    show_default=True,
    help="Answers that are judged against another image's triggers too; 0 for none.",
)
@judge_options
def judge(
    results: tuple[Path, ...],
    judges: tuple[str, ...],
    output: Path | None,
    eibench: Path | None,
    exported: tuple[Path, ...],
    chance_samples: int,
    **options: Any,
) -> None:
    """Judge logged answers after the run, with any judge.

    RESULTS are *_samples_eibench_*.jsonl of lmms-eval or lm-eval, or folders that hold them; logs of --predict_only
    runs too. Every reply is kept: the same command goes on after an interruption, and costs nothing the second time.

    \b
      eibench judge runs --judge openai:gpt-4o-mini
      eibench judge runs --judge offline --judge openai:Qwen/Qwen3-8B --judge-url http://localhost:8000/v1
    """
    from eibench_tasks.data.exported import load_exported
    from eibench_tasks.judging.judged_logs import task_of
    from eibench_tasks.judging.registry import check_judge, judge_name, load_judge
    from eibench_tasks.rejudging.known import load_known
    from eibench_tasks.rejudging.logs import find_logs, read_log
    from eibench_tasks.rejudging.run import plan
    from eibench_tasks.report.table import read_results, render

    names = list(dict.fromkeys(judges or (judge_name(),)))
    for name in names:
        check_judge(name)
    splits = [load_exported(folder) for folder in exported]
    files = find_logs(results, [split.facts.name for split in splits])
    known = load_known({task_of(file) for file in files}, eibench, splits)
    logs = [read_log(file, known) for file in files]
    settings = options_from(**options, published=known.protocol)
    written = []
    for name in names:
        judge = load_judge(name, settings)
        written += _judge_with(judge, [plan(log, judge, chance_samples) for log in logs], output)
    click.echo("\n" + render(read_results(written)))
    click.echo("\nWritten to " + "\n           ".join(str(file.parent) for file in written))


def _judge_with(judge: Any, plans: list[Any], output: Path | None) -> list[Path]:
    from eibench_tasks.rejudging.results import runs_of, write
    from eibench_tasks.rejudging.run import judge_plans, to_ask, unscored
    from eibench_tasks.report.terminal import judging_bar

    asks = to_ask(judge, plans)
    total = len({(id(one), key) for one in plans for key in one.items})
    click.echo(_estimate(judge, total, asks), err=True)
    if asks:
        judge.check()
    try:
        with judging_bar(judge, total) as step:
            metrics = judge_plans(judge, plans, step)
    except KeyboardInterrupt:
        raise SystemExit(stopped()) from None
    for reason, count in unscored(metrics).most_common(5):
        click.echo(f"{count} unscored: {reason}", err=True)
    return [write(run, judge, output) for run in runs_of([one.log for one in plans], metrics)]


def _estimate(judge: Any, total: int, asks: list[Any]) -> str:
    """What is about to be asked, and what it costs at most."""
    from eibench_tasks.engines.budget import CHARACTERS_A_TOKEN

    if not hasattr(judge, "budget"):
        return f"{judge.name}: {total} judgements, on this machine"
    tokens = sum(ask.characters for ask in asks) / CHARACTERS_A_TOKEN
    text = f"{judge.name} ({judge.protocol}): {total} judgements, {total - len(asks)} known, {len(asks)} calls"
    if asks:
        text += f", about {tokens / 1e6:.2f} million prompt tokens"
    if judge.budget.prices.prompt or judge.budget.prices.completion:
        text += f", {sum(judge.budget.prices.most(ask) for ask in asks):.2f} at most without retries"
    return text


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--judge", "name", metavar="NAME", help="Who splits the answers; by default EIBENCH_JUDGE.")
@click.option("--vision-judge", metavar="NAME", help="Who holds unmatched claims against the image.")
@click.option("--eibench", type=PATH, help="The annotations, on a machine where nothing is prepared.")
@click.option("--exported", type=PATH, multiple=True, help="A split of `cfsa export` that was run; may be repeated.")
@click.option("-o", "--output", type=PATH, help="Write the claims there, one line for each answer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@judge_options
def precision(
    results: tuple[Path, ...],
    name: str | None,
    vision_judge: str | None,
    eibench: Path | None,
    exported: tuple[Path, ...],
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Split judged answers into claims: how many name a trigger, are supported by the image, or neither.

    RESULTS are *_samples_eibench_*.jsonl of judged runs, or folders that hold them.
    """
    import json

    from eibench_tasks.judging.registry import load_judge
    from eibench_tasks.metrics.precision import measure
    from eibench_tasks.rejudging.claims import claims_of, sample_claims, write_claims
    from eibench_tasks.report.precision import Precision, render_precision
    from eibench_tasks.report.terminal import judging_bar

    answers, protocol = _answered(results, eibench, exported)
    settings = options_from(**options, published=protocol)
    judge, vision = load_judge(name, settings), load_judge(vision_judge, settings) if vision_judge else None
    try:
        with judging_bar(judge, len(answers)) as step:
            found = claims_of(judge, vision, answers, step)
    except KeyboardInterrupt:
        raise SystemExit(stopped()) from None
    if output:
        write_claims(output, answers, found)
    logs: dict[Any, list[Any]] = {}
    for item, claims in zip(answers, found, strict=True):
        logs.setdefault(item.judged.file, []).append((item.judged, sample_claims(item, claims)))
    lines = []
    for pairs in logs.values():
        first, samples = pairs[0][0], [sample for _, sample in pairs]
        scores = [sample.recall for sample in samples if sample.recall is not None]
        recall = 100 * sum(scores) / len(scores) if scores else None
        bad = sum(bool(sample.claims.unscored) for sample in samples)
        measures = measure(samples, vision is not None)
        lines.append(Precision(first.model, first.task, first.judge, recall, bad, measures))
    if as_json:
        dumped = [
            vars(line) | {"measures": {key: item.model_dump() for key, item in line.measures.items()}} for line in lines
        ]
        click.echo(json.dumps(dumped, indent=1, allow_nan=False))
    else:
        click.echo(render_precision(lines, judge.name))


def _answered(results: tuple[Path, ...], eibench: Path | None, exported: tuple[Path, ...]) -> tuple[list[Any], Any]:
    """Judged answers with their samples, and the published protocol strings."""
    from eibench_tasks.data.exported import load_exported
    from eibench_tasks.errors import EIBenchError
    from eibench_tasks.judging.judged_logs import read_samples
    from eibench_tasks.rejudging.claims import Answered
    from eibench_tasks.rejudging.known import load_known

    samples = read_samples(results)
    known = load_known({sample.task for sample in samples}, eibench, [load_exported(one) for one in exported])
    answers = []
    for sample in samples:
        doc = known.of({"doc": {"id": sample.sample_id}})
        if doc is None:
            what = f"{sample.file} is about samples that are not in the data at hand"
            raise EIBenchError(what, "Give --eibench DIR, or --exported DIR of a split")
        answers.append(Answered(sample, doc))
    return answers, known.protocol


@click.command()
@click.option("--judge", "name", metavar="NAME", help="Who labels; by default EIBENCH_JUDGE.")
@click.option("--split", type=click.Choice(["all", "demo"]), default="all", show_default=True, help="Which samples.")
@click.option("--eibench", type=PATH, help="The annotations, on a machine where nothing is prepared.")
@judge_options
def label(name: str | None, split: str, eibench: Path | None, **options: Any) -> None:
    """Label every reference trigger explicit or implicit and with a category, once, by a language model.

    `eibench breakdown RESULTS` reads the labels.
    """
    from eibench_tasks.engines.engine import EngineError
    from eibench_tasks.errors import JudgeError
    from eibench_tasks.judging.judgement import Reference
    from eibench_tasks.judging.llm.judge import LLMJudge
    from eibench_tasks.judging.llm.labels import label as label_all
    from eibench_tasks.judging.llm.labels import load_labels, save_labels
    from eibench_tasks.judging.registry import judge_name, load_judge
    from eibench_tasks.rejudging.known import load_known
    from eibench_tasks.report.terminal import judging_bar

    name = name or judge_name()
    known = load_known({"eibench_demo"} if split == "demo" else {"eibench"}, eibench)
    judge = load_judge(name, options_from(**options, published=known.protocol))
    if not isinstance(judge, LLMJudge):
        raise JudgeError(f"the judge {name} cannot label triggers", "Use a language model: `--judge openai:MODEL`")
    references = {doc["id"]: Reference.of(doc) for doc in known.samples}
    try:
        with judging_bar(judge, len(references)) as step:
            labels = judge.run(label_all(judge.engine, name, references, known.annotations_sha256, step))
    except KeyboardInterrupt:
        raise SystemExit(stopped()) from None
    except EngineError as error:
        mend = "What it has said is kept: the same command goes on from there"
        raise JudgeError(f"the judge {name} stopped: {error.reason}", mend) from None
    if (before := load_labels(known.annotations_sha256, name)) and before.version == labels.version:
        kept = {sample: found for sample, found in before.labels.items() if sample not in references}
        labels = labels.model_copy(update={"labels": labels.labels | kept})
    file = save_labels(labels)
    done = sum(sample in labels.labels for sample in references)
    click.echo(f"{done} of {len(references)} samples labelled by {name}, in {file}")
    for sample, reason in list(labels.unlabelled.items())[:5]:
        click.echo(f"unlabelled: {sample}: {reason}", err=True)
    click.echo(f"Next: eibench breakdown runs --labels-by {name}")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--judge", default=None, help="By default the one of EIBENCH_JUDGE, else offline.")
def pairs(files: tuple[Path, ...], judge: str | None) -> None:
    """Measure a judge on labelled (trigger, answer) pairs.

    FILES hold lines {"answer": TEXT, "triggers": [{"text": TEXT, "present": true}, …]}.
    """
    from eibench_tasks.judging.pairs import measure, read_pairs
    from eibench_tasks.judging.registry import load_judge

    for file in files:
        click.echo(f"{file.name}: {measure(load_judge(judge), read_pairs(file))}")


@click.command()
@click.option("--judge", metavar="NAME", help="By default the one of EIBENCH_JUDGE, else offline.")
@click.option("--split", type=click.Choice(["demo", "basic", "complex", "lite"]), default="demo", show_default=True)
@click.option("--samples", type=click.IntRange(1), default=40, show_default=True, help="How many at most.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draws samples and shuffles triggers.")
@click.option("--pairs", "labelled", type=PATH, multiple=True, help="Labelled pairs, as `eibench pairs` reads them.")
@click.option(
    "--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write all that was measured there."
)
@judge_options
def audit(
    judge: str | None,
    split: str,
    samples: int,
    seed: int,
    labelled: tuple[Path, ...],
    output: Path | None,
    **options: Any,
) -> None:
    """Measure a judge before it is trusted.

    Floors, ceiling, verdicts that flip with the triggers' order or when asked again, what length does, and dozens of
    answers that try to talk the judge into a score. By default on the demo split, which is part of the package.
    """
    from eibench_tasks.judging.audit.measure import audit as measure
    from eibench_tasks.judging.registry import load_judge
    from eibench_tasks.report.audit import render
    from eibench_tasks.report.terminal import judging_bar

    chosen = load_judge(judge, options_from(**options))
    if check := getattr(chosen, "check", None):
        check()
    found = measure(chosen, split, samples, seed, labelled, lambda total: judging_bar(chosen, total))
    click.echo(render(found))
    if output:
        _write(output, to_json(found.model_dump()))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise EIBenchError(f"cannot write {file} ({error.strerror})", "Give a file in a folder that is there") from None
