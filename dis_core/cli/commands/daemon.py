"""`dis-core daemon`: run the process that keeps models loaded, show its status, stop it."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final, get_args

import click

from dis_core.cli.options import KEEP_ALIVE, DurationType, owner_option
from dis_core.cli.terminal import say, say_result
from dis_core.errors import DaemonUnavailable
from dis_core.files import megabytes
from dis_core.model_spec import Precision
from dis_core.prompts import DEFAULTS, SegmentOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLED_AFTER_S: Final = 10.0
"""A daemon that is to exit at once has this long, which is more than it takes for itself."""

SILENT_S: Final = 2.0
"""A daemon that cannot be asked may be starting or exiting; this long it is not called silent."""


@click.group()
def daemon() -> None:
    """The background process that keeps models loaded.

    'dis-core cutout --warm' starts it when needed, and it ends when it is no longer used.
    """


@daemon.command()
@click.option(
    "--keep-alive",
    type=DurationType(),
    default=KEEP_ALIVE,
    show_default=True,
    help="How long to wait for work before it ends.",
)
def run(*, keep_alive: float) -> None:
    """Run the daemon in this terminal, until Ctrl-C or 'dis-core daemon stop'."""
    from dis_core.daemon import endpoint
    from dis_core.daemon.logs import log_file, write_log
    from dis_core.daemon.server import end, serve

    verbose = logging.getLogger().isEnabledFor(logging.INFO)
    write_log(logging.DEBUG if verbose else logging.INFO)
    say(f"dis-core: the log is {log_file() or 'not kept, because this user has no folder for it'}")
    serve(endpoint.runtime_folder(), keep_alive_s=keep_alive)
    end(0)


@daemon.command()
@click.option("-m", "--model", metavar="NAME", help="The model that the next command will ask for.")
@click.option("--depth-model", metavar="NAME", help="The depth model that it will ask for.")
@click.option("--device", default=DEFAULTS.device, show_default=True, help="auto, cpu, cuda, cuda:1, ..., or mps.")
@click.option("--precision", type=click.Choice(get_args(Precision)), default=DEFAULTS.precision, show_default=True)
@click.option("--keep-alive", type=DurationType(), help=f"How long it waits for work, {KEEP_ALIVE} if not given.")
@owner_option
def start(
    *,
    model: str | None,
    depth_model: str | None,
    device: str,
    precision: Precision,
    keep_alive: float | None,
    owner_pid: int | None,
) -> None:
    """Start the daemon, if it is not running, and let it load a model before there is an image.

    It does not wait for the model, downloads nothing, and leaves a daemon that is working alone. Why a model could not
    be loaded says the command that needs it.
    """
    from dis_core.daemon import client, endpoint
    from dis_core.jobs.json_values import to_json_value
    from dis_core.registry.manager import find_depth_model, find_matte_model

    if model is not None:
        find_matte_model(model)
    if depth_model is not None:
        find_depth_model(depth_model)
    options = SegmentOptions(model=model, depth_model=depth_model, device=device, precision=precision)
    connection = client.reach_daemon(endpoint.runtime_folder())
    try:
        list(connection.ask("prepare", options=to_json_value(options), keep_alive_s=keep_alive, owner_pid=owner_pid))
    except client.ConnectionLost as lost:
        raise DaemonUnavailable(str(lost)) from None
    finally:
        connection.close()


@daemon.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for programs instead of text.")
def status(*, as_json: bool) -> None:
    """Show whether the daemon is running, what it has loaded, what it is doing, and when it will end.

    The exit status is 1 if it is not running.
    """
    found = ask("status")
    if found is None:
        if as_json:
            say_result("null")
        raise DaemonUnavailable("the daemon is not running", hint="the next command with --warm starts it")
    say_result(json.dumps(found, indent=2) if as_json else "\n".join(in_words(found)))


@daemon.command()
@click.option("--now", is_flag=True, help="Do not wait for the image that is being processed.")
def stop(*, now: bool) -> None:
    """Stop the daemon, and wait until it has ended."""
    from dis_core.daemon import client, endpoint

    folder = endpoint.runtime_folder()
    try:
        found = ask("stop", when="now" if now else "idle")
    except DaemonUnavailable:
        if not now or not client.kill_silent(folder):
            raise
        say("dis-core: the daemon did not answer, and was killed")
        return
    if found is None:
        say("dis-core: the daemon is not running")
        return
    if not wait_until_gone(folder, found["pid"], limit_s=KILLED_AFTER_S if now else float("inf")):
        client.kill_silent(folder)
        say("dis-core: the daemon did not end by itself, and was killed")
        return
    say("dis-core: the daemon has stopped")


def wait_until_gone(folder: Path, pid: int, *, limit_s: float) -> bool:
    """Whether the daemon with this process number has ended in time."""
    from dis_core.daemon import endpoint

    give_up_at = time.monotonic() + limit_s
    while time.monotonic() < give_up_at:
        with endpoint.locked(folder) as has_left:
            follower = endpoint.read_endpoint(folder)
            if has_left or (follower is not None and follower.pid != pid):
                return True
        time.sleep(0.05)
    return False


def ask(do: str, **more: str) -> dict[str, Any] | None:  # what messages hold
    """The status that the daemon answers with; None if it is not running.

    Raises DaemonUnavailable if it is running and does not answer.
    """
    from dis_core.daemon import client, endpoint

    folder = endpoint.runtime_folder()
    connection = client.find_daemon(folder)
    if connection is None:
        refuse_silent(folder)
        return None
    try:
        return dict(list(connection.ask(do, **more))[-1].get("status", {}))
    except client.ConnectionLost:
        refuse_silent(folder)
        return None
    finally:
        connection.close()


def refuse_silent(folder: Path) -> None:
    """Raise DaemonUnavailable if a daemon runs although it could not be asked; one that is just exiting may do so."""
    from dis_core.daemon import client, endpoint

    if not endpoint.is_private(folder):
        return
    with endpoint.locked(folder, timeout_s=SILENT_S) as has_left:
        if not has_left:
            raise client.no_answer(folder)


def in_words(found: dict[str, Any]) -> Iterator[str]:
    """The status as lines for people."""
    yield f"version {found['version']}, process {found['pid']}, up for {duration(found['uptime_s'])}"
    if found["models"]:
        yield f"loaded: {' and '.join(found['models'])} on {found['device']}"
    else:
        yield "no model loaded yet"
    if found["memory_bytes"] is not None:
        on_device = found["device_memory_bytes"]
        more = "" if on_device is None else f", and {megabytes(on_device)} on {found['device']}"
        yield f"uses {megabytes(found['memory_bytes'])} of memory{more}"
    waiting = found["waiting"]
    yield f"{found['done']} images done, {waiting} waiting; now: {found['doing'] or 'idle'}"
    if found["is_leaving"]:
        yield "ends as soon as it is done"
    elif found["leaves_in_s"] is not None:
        yield f"ends in {duration(found['leaves_in_s'])} if there is no more work"


def duration(seconds: float) -> str:
    """A time for people: "42 s", "9 min", "3.5 h"."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
