"""The command `eibench`. Every command imports what it needs when it runs, so that `--help` is quick."""

import click

from eibench_tasks import __version__
from eibench_tasks.cli import data, judges, pages, runs
from eibench_tasks.cli.options import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="eibench")
def main() -> None:
    """EIBench: why does an emotion arise in an image?

    First `eibench prepare --images DIR`, then `lmms-eval --model … --tasks eibench`.
    """


for _command in (
    *(data.prepare, data.doctor, data.path, data.scenes),
    *(runs.replay, runs.results, runs.compare, runs.agreement, runs.breakdown, runs.score),
    *(pages.report, pages.leaderboard),
    *(judges.judge, judges.precision, judges.label, judges.pairs, judges.audit),
):
    main.add_command(_command)
