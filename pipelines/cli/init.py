"""`compression init`."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.terminal.console import out, warn
from pipelines.recipe import file as recipe_file


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the new recipe: letters, digits and underscores.")],
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="PATH",
            help="A folder with a folder a class, of images, recordings or texts; a table (.csv); or an .npz.",
        ),
    ],
    teacher: Annotated[
        str | None,
        typer.Option(
            "--teacher",
            metavar="ARCHITECTURE",
            help="Of the zoo, of torchvision or timm, or your own; by default one for this kind of sample.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target", metavar="COLUMN", help="Of a table: what says the classes, where no usual name tells."
        ),
    ] = None,
) -> None:
    """Write a recipe for your own data, after a look at them and at this machine."""
    from pipelines.commands.init.init import init

    started = init(name, data, teacher, target)
    survey, plan = started.survey, started.plan
    counts = ", ".join(f"{label} {count:,}" for label, count in list(survey.counts.items())[:10])
    more = f" and {len(survey.counts) - 10} more" if len(survey.counts) > 10 else ""
    sides, kind = survey.sizes, survey.noun
    if kind == "images":
        kind = "grey images" if survey.channels == 1 else "colour images"
    out.say(f"{sum(survey.counts.values()):,} {kind} of {len(survey.counts)} classes: {counts}{more}")
    if survey.words is not None:
        out.say(survey.words)
    if survey.noun == "images":
        out.say(f"shorter sides from {sides[0]} to {sides[2]} pixels, in the middle {sides[1]}")
    out.say(
        f"{survey.test:,} are a test split of their own" if survey.test else "a fifth is held out as the test split"
    )
    for oddity in survey.oddities:
        warn(oddity)
    out.say(
        (recipe_file.displayed(started.file.path), "bold"), f": valid, about {plan.minutes:.0f} min on this machine"
    )
    out.say(("next: ", "dim"), f"compression run {name}")
