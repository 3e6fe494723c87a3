"""`dis-core serve`: cutouts over HTTP, and a page for people, on this machine or in this network."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Final, get_args

import click

from dis_core.cli.terminal import say
from dis_core.errors import BadRequest, PackagesMissing
from dis_core.model_spec import Precision
from dis_core.prompts import DEFAULTS, SegmentOptions

SHORTEST_TOKEN: Final = 16

logger = logging.getLogger(__name__)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=7000, show_default=True, help="0 chooses a free one.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Only answer requests with the token in this file, as X-Api-Key.",
)
@click.option("--insecure", is_flag=True, help="Listen at an address that others can reach, without a token.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name by which the server is called, beside localhost and addresses in numbers. Can be repeated.",
)
@click.option(
    "--allow-url-host",
    "url_hosts",
    multiple=True,
    metavar="NAME",
    help="Fetch images from this host if a request says so. Can be repeated; by default nothing is fetched.",
)
@click.option("-m", "--model", metavar="NAME", help="The model for requests that name none; it must be here.")
@click.option("--device", default=DEFAULTS.device, show_default=True, help="auto, cpu, cuda, cuda:1, ..., or mps.")
@click.option("--precision", type=click.Choice(get_args(Precision)), default=DEFAULTS.precision, show_default=True)
@click.option("--accept-noncommercial", is_flag=True, help="Use weights whose license forbids commercial use.")
@click.option("--max-mb", type=click.FloatRange(0.01, 1000), default=32, show_default=True, help="Of one image file.")
@click.option("--max-megapixels", type=click.FloatRange(0.01, 300), default=50, show_default=True, help="Of one image.")
@click.option(
    "--queue",
    "waiting",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    help="How many images may be in work or wait; more are refused with status 429.",
)
def serve(
    *,
    host: str,
    port: int,
    token_file: Path | None,
    insecure: bool,
    hosts: tuple[str, ...],
    url_hosts: tuple[str, ...],
    model: str | None,
    device: str,
    precision: Precision,
    accept_noncommercial: bool,
    max_mb: float,
    max_megapixels: float,
    waiting: int,
) -> None:
    """Cut out images that are sent over HTTP, until Ctrl-C.

    There is a page for people at http://127.0.0.1:7000/, and /v1.0/removebg answers clients of remove.bg. Only this
    machine can reach it, unless '--host' says otherwise; then it needs '--token-file' or '--insecure'.
    """
    try:
        from dis_core.server import running
        from dis_core.server.addresses import is_loopback
        from dis_core.server.app import Settings
    except ModuleNotFoundError as error:
        raise PackagesMissing(
            f"the server needs a package that is not installed: {error.name}", hint="run: pip install 'dis-core[serve]'"
        ) from error
    from dis_core.server.limits import DEFAULT_LIMITS
    from dis_core.server.models import default_model

    token = None if token_file is None else read_token(token_file)
    if token is None and not insecure and not is_loopback(host):
        raise BadRequest(
            f"anybody who can reach {host} could use this server",
            hint="give it a token with `token_file`, or use `insecure=True` where everybody may",
        )
    options = SegmentOptions(
        model=default_model(model), device=device, precision=precision, accept_noncommercial=accept_noncommercial
    )
    limits = replace(DEFAULT_LIMITS, file_bytes=int(max_mb * 1e6), pixels=int(max_megapixels * 1e6), waiting=waiting)
    settings = Settings(options, token, (host, *hosts), url_hosts, limits)
    listening = running.listen(host, port)
    running.run(settings, listening, ready=lambda url: say(f"dis-core: serving at {url} with {options.model}"))


def read_token(path: Path) -> str:
    """The token in a file. Raises BadRequest if it cannot be read, or could be guessed."""
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise BadRequest(f"the token in {path} cannot be read: {reason}", hint="check the path") from error
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise BadRequest(
            f"the token in {path} can be guessed or cannot be sent",
            hint=f"write {SHORTEST_TOKEN} or more letters and digits into it, such as from: openssl rand -hex 16",
        )
    if os.name == "posix" and path.stat().st_mode & 0o077:
        logger.warning("others on this machine may read the token in %s; keep them out: chmod 600 %s", path, path)
    return token
