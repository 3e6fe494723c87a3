"""The daemon itself: takes connections, lets one worker carry out what they ask, and leaves when nobody asks any more.

Accepting, each client, and the work have threads of their own; the main thread waits until it is time to leave.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import threading
import time
from dataclasses import replace
from multiprocessing.connection import Listener
from pathlib import Path
from typing import Any, Final, NoReturn

import dis_core
from dis_core.daemon import endpoint
from dis_core.daemon.client import KEEP_ALIVE_S
from dis_core.daemon.lifecycle import MAX_CLIENTS, Daemon
from dis_core.daemon.logs import write_log
from dis_core.errors import DaemonUnavailable, DisError

LOCK_PATIENCE_S: Final = 3.0
"""A daemon that is about to end is waited for so long."""

logger = logging.getLogger(__name__)


def serve(folder: Path, *, keep_alive_s: float, lock_patience_s: float = 0.0) -> None:
    """Be the daemon until it is time to leave. Raises DaemonUnavailable if there is one that does not leave in time."""
    endpoint.make_private(folder)
    with endpoint.locked(folder, patience_s=lock_patience_s) as is_mine:
        if not is_mine:
            raise DaemonUnavailable("a daemon is running already", hint="see: dis-core daemon status")
        endpoint.sweep(folder)
        directions, key = endpoint.new_directions(folder)
        try:
            leaving = replace(directions, is_leaving=True)
            announce = functools.partial(endpoint.publish, folder, leaving)
            _serve(folder, directions, Daemon(key, keep_alive_s=keep_alive_s, announce_leaving=announce))
        finally:
            endpoint.withdraw(folder, directions)


def _serve(folder: Path, directions: endpoint.Directions, daemon: Daemon) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.leave("now"))
    before = os.umask(0o077)
    listener = Listener(directions.address, backlog=MAX_CLIENTS)
    os.umask(before)
    daemon.worker.start()
    threading.Thread(target=_accept, args=(listener, daemon), name="accept", daemon=True).start()
    endpoint.publish(folder, directions)
    logger.info("came, version %s", dis_core.__version__)
    daemon.run_until_idle()
    logger.info("leaves after %d images", daemon.worker.done)


def _accept(listener: Listener, daemon: Daemon) -> None:
    while True:
        try:
            connection: Any = listener.accept()  # on Windows a PipeConnection, which can do all that is needed
        except OSError as error:  # too many open files, or a client that went at once; the next may be welcome
            logger.warning("a connection was not made: %s", error.strerror)
            time.sleep(0.05)
            continue
        daemon.add_client(connection)


def main(keep_alive_s: str = str(KEEP_ALIVE_S)) -> NoReturn:
    """What a process that a client has started does: be the daemon, and end."""
    write_log(logging.INFO)
    try:
        serve(endpoint.runtime_folder(), keep_alive_s=float(keep_alive_s), lock_patience_s=LOCK_PATIENCE_S)
    except DisError as error:
        logger.info("not needed: %s", error.message)
        end(1)
    end(0)


def end(status: int) -> NoReturn:
    """End this process at once. Threads may be in the middle of a network, which Python would wait for or trip over."""
    logging.shutdown()
    os._exit(status)
