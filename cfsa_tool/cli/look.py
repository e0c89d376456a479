"""Commands that look at a run; they ask no model and may be used while it goes on."""

from pathlib import Path

import click

from cfsa_tool.cli.options import RUN


@click.command()
@click.argument("folder", metavar="RUN", type=RUN)
@click.option("--images", is_flag=True, help="List every image with its id and what became of it.")
@click.option("--left-out", is_flag=True, help="List what of the source was left out, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(folder: Path, images: bool, left_out: bool, as_json: bool) -> None:
    """Say how RUN stands: done, failed, rate, tokens, time left."""
    import json

    from cfsa_tool.report import image_lines, render_standing
    from cfsa_tool.run_folder import RunFolder
    from cfsa_tool.standing import standing
    from eibench_tasks.data.lines import printable

    run = RunFolder(folder)
    if images:
        for line in image_lines(run):
            click.echo(line)
    elif left_out:
        for name, reason in run.left_out():
            click.echo(f"{printable(name)}  {printable(reason)}")
    else:
        now = standing(run)
        if as_json:
            found = vars(now) | {"to_go": now.to_go, "hours_left": now.hours_left, "running": run.is_locked()}
            click.echo(json.dumps(found, indent=1))
        else:
            click.echo(render_standing(run, now))
    run.close()


@click.command()
@click.argument("folder", metavar="RUN", type=RUN)
@click.argument("image", metavar="ID")
@click.option("--prompts/--no-prompts", default=True, show_default=True, help="Show what was asked, too.")
def show(folder: Path, image: str, prompts: bool) -> None:
    """Show the whole conversation about one image of RUN, and what was made of it.

    ID is the image's id, the start of it, or its name in the source; `cfsa status RUN --images` lists them.
    """
    from cfsa_tool.report import render_conversation
    from cfsa_tool.run_folder import RunFolder
    from cfsa_tool.shown import conversation_of

    run = RunFolder(folder)
    item = run.find(image)
    click.echo(render_conversation(item, *conversation_of(run, item), prompts=prompts))
    run.close()
