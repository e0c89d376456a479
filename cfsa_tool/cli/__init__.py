"""The command `cfsa`. Every command imports what it needs when it runs, so that `--help` is quick."""

import click

from cfsa_tool import __version__
from cfsa_tool.cli import look, results, review, run
from eibench_tasks.cli.options import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cfsa")
def main() -> None:
    """CFSA: from a folder of images to a new split for Emotion Interpretation.

    \b
    cfsa run IMAGES -o RUN --engine openai --model MODEL --base-url http://localhost:8000/v1
    cfsa export RUN -o SPLIT --name my_split
    lmms-eval --model MODEL --include_path SPLIT --tasks my_split

    \b
    Exit codes: 0 done; 1 an error, which is said; 2 wrong usage; 3 done, but some images failed;
    4 the engine stopped, and the same command goes on; 130, 143 interrupted, and the same command goes on.
    """


for _command in (
    *(run.init, run.estimate, run.pilot, run.run, run.retry),
    *(look.status, look.show),
    *(review.review, review.agreement, review.label_studio),
    *(results.export, results.compare),
):
    main.add_command(_command)
