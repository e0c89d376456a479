"""Commands about the data and this machine."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from eibench_tasks.cli.options import PATH

if TYPE_CHECKING:
    from eibench_tasks.scenes.scene import Combinations


@click.command()
@click.option(
    "--images",
    type=PATH,
    multiple=True,
    help="Folder that holds EmoSet-118k/ and CAER-S/; may be repeated.",
)
@click.option(
    "--eibench",
    type=PATH,
    help="A checkout of EIBench, or a folder with its files; else they are downloaded.",
)
@click.option("--allow-missing", is_flag=True, help="Go on without images that are missing or broken.")
@click.option("--captions", type=PATH, help="Captions from a file, as a run of eibench_describe logs them.")
@click.option("--captions-by", metavar="MODEL", help="Who wrote the captions, where the file does not say.")
def prepare(
    images: tuple[Path, ...],
    eibench: Path | None,
    allow_missing: bool,
    captions: Path | None,
    captions_by: str | None,
) -> None:
    """Join the annotations with your images into the data set that the tasks read.

    With --captions alone, the captions are added to what is already prepared.
    """
    from eibench_tasks.data import prepare as module
    from eibench_tasks.report.terminal import progress_bar

    if not images and not captions:
        raise click.UsageError("give --images DIR, the folder that holds EmoSet-118k/ and CAER-S/")
    if images:
        with progress_bar("images") as progress:
            data = module.prepare(list(images), eibench, allow_missing, captions, captions_by, progress)
    else:
        assert captions is not None
        data = module.add_captions(captions, captions_by)
    manifest = data.manifest
    for name, counts in manifest.counts.items():
        click.echo(f"{name:8} {counts.n:5} of {counts.of} samples")
    if manifest.captions:
        click.echo(f"captions {manifest.captions.count:5} by {manifest.captions.model}")
    for key, reason in sorted(manifest.left_out.items()):
        click.echo(f"left out: {key} {reason}")
    click.echo(f"\nPrepared in {data.folder.parent}")
    click.echo("Next: lmms-eval --model MODEL --tasks eibench --output_path runs --log_samples")


@click.command()
def doctor() -> None:
    """Say what is installed, prepared and configured, and what to do about what is not."""
    from eibench_tasks.doctor import examine

    findings = examine()
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark = click.style("ok", fg="green") if finding.good else click.style("!!", fg="red")
        click.echo(f"{mark} {finding.subject:{width}}  {finding.state}")
        if finding.mend:
            click.echo(f"   {'':{width}}  {finding.mend}")
    raise SystemExit(0 if all(finding.good for finding in findings) else 1)


@click.command()
@click.option("--lm-eval", is_flag=True, help="The folder for lm-eval instead.")
@click.option("--scene-model", is_flag=True, help="The folder of the embedded vision model instead.")
def path(lm_eval: bool, scene_model: bool) -> None:
    """Print the folder of the task definitions, for --include_path."""
    from eibench_tasks.home import SCENE_MODEL, task_configs

    click.echo(SCENE_MODEL if scene_model else task_configs("lm_eval" if lm_eval else "lmms_eval"))


@click.command()
@click.option("--n", "count", type=click.IntRange(min=1), default=240, show_default=True, help="Scenes to draw.")
@click.option("--seed", default="1", show_default=True, help="Any text; the same seed gives the same bytes.")
@click.option("--held-out", is_flag=True, help="No set of two or more causes that the embedded model was trained on.")
@click.option("--shuffle-images", is_flag=True, help="Deal each question another scene's image, as a control.")
@click.option("-o", "--output", type=PATH, required=True, help="New folder for the scenes.")
def scenes(count: int, seed: str, held_out: bool, shuffle_images: bool, output: Path) -> None:
    """Draw scenes of people who feel something, with known causes, each with a twin that lacks one of them."""
    from eibench_tasks.report.terminal import progress_bar
    from eibench_tasks.scenes.drawing import write_scenes

    combinations: Combinations = "held out" if held_out else "any"
    with progress_bar("scenes") as progress:
        drawn = write_scenes(output, seed, count, combinations, shuffle_images, progress)
    click.echo(f"{count} scenes and as many twins, {len(drawn.samples)} samples, in {output}")
    click.echo(f"Next: EIBENCH_SCENES={quote(str(output))} lmms-eval --model MODEL --tasks eibench_scenes")
    if not shuffle_images:
        click.echo(f"      cfsa run {quote(str(output / 'manifest.jsonl'))} -o RUN --model MODEL")
        click.echo(f"      cfsa compare RUN --reference {quote(str(output / 'scenes.jsonl'))}")
