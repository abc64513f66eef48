"""facesmith recipes, doctor and completion."""

import json

import click
from click.shell_completion import get_completion_class

import facesmith
from facesmith.cli import completion as shell_completion
from facesmith.cli.plugins import plugin_option


@click.command()
@click.argument("name", required=False, shell_complete=shell_completion.recipe_names)
@plugin_option
def recipes(name: str | None) -> None:
    """List the recipes, or the settings of NAME.

    NAME is a recipe or a network family.

    \b
    facesmith recipes
    facesmith recipes tiny
    facesmith recipes residual
    facesmith recipes dense --plugin dense.py
    """
    if name is None:
        width = max(map(len, facesmith.RECIPES))
        for recipe in facesmith.RECIPES.values():
            click.echo(f"{recipe.name:{width}}  {recipe.about}")
        click.echo(
            "\n`facesmith recipes NAME` lists the settings of a recipe; `facesmith train --set KEY=VALUE` changes them."
        )
        return
    table = facesmith.recipe_settings(name)
    width = max((len(f"{setting.name} = {setting.value}") for setting in table), default=0)
    group = ""
    for setting in table:
        if setting.group != group:
            group = setting.group
            click.echo(f"[{group}]")
        click.echo(f"{f'{setting.name} = {setting.value}':{width}}  {setting.about}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Check the installation and measure the training speed.

    \b
    facesmith doctor
    """
    report = facesmith.checkup()
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return
    click.echo(f"facesmith {report['facesmith']}, Python {report['python']}")
    for package, version in report["packages"].items():
        click.echo(f"  {package:16} {version or 'missing'}")
    if "machine" in report:
        machine = report["machine"]
        extras = "".join(f", {flag}" for flag in machine["bfloat16_instructions"])
        click.echo(
            f"{machine['cpu']}{extras}, {machine['cores']} cores, {machine['memory_gb']} GB; "
            f"trains on {machine['device']}"
        )
        where = "one core" if machine["device"] == "cpu" else machine["device"]
        click.echo(f"64x64 images per second, forward and backward through a DCGAN discriminator, {where}:")
        for variant, speed in report["speeds"].items():
            chosen = "  <- train uses this" if variant == report["choice"] else ""
            click.echo(f"  {variant:24} {speed:8.0f}{chosen}")
    if "advice" in report:
        click.echo(report["advice"])


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a shell script for tab completion.

    \b
    eval "$(facesmith completion bash)"          # in ~/.bashrc
    eval "$(facesmith completion zsh)"           # in ~/.zshrc
    facesmith completion fish > ~/.config/fish/completions/facesmith.fish
    """
    from facesmith.cli import facesmith as root

    maker = get_completion_class(shell)
    assert maker is not None  # click supports these three shells
    click.echo(maker(root, {}, "facesmith", "_FACESMITH_COMPLETE").source())
