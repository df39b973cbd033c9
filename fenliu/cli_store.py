"""The commands that work on the service's database: `fenliu keys` and `fenliu decisions`."""

from pathlib import Path
from typing import Annotated

import typer

keys_app = typer.Typer(help="API keys for machines.", no_args_is_help=True)
decisions_app = typer.Typer(help="Stored decisions.", no_args_is_help=True)


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Option(help="The machine; it may have several keys.")],
    scope: Annotated[
        list[str], typer.Option(help="predict, read, review, orders or admin; may be repeated.")
    ],
    expires: Annotated[int | None, typer.Option(help="Days until it expires.")] = None,
) -> None:
    """Create a key and print it, once."""
    from serving.keys.command import create
    from serving.settings import load_settings

    create(load_settings(), name, scope, expires)


@keys_app.command("list")
def keys_list() -> None:
    """Show all keys, without their secrets."""
    from serving.keys.command import show
    from serving.settings import load_settings

    show(load_settings())


@keys_app.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `fenliu keys list` shows it.")],
) -> None:
    """Make a key worthless, within seconds."""
    from serving.keys.command import revoke
    from serving.settings import load_settings

    revoke(load_settings(), key_id)


@decisions_app.command("export")
def decisions_export(
    output: Annotated[Path, typer.Option(help="JSON lines to write; - prints them.")],
    since: Annotated[
        str | None, typer.Option(help="Decided at this moment (UTC) or later.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Decided before this moment (UTC).")] = None,
) -> None:
    """Write stored decisions without callers, numbers in the texts masked."""
    from serving.predict.export_command import export
    from serving.settings import load_settings

    export(load_settings(), output, since, until)
