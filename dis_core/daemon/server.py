"""The daemon itself: accepts connections, lets one worker run the jobs, and exits when it has been idle long enough.

There is a thread that accepts, two for each client, and one that works. The main thread waits until it is time to exit.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import threading
import time
from dataclasses import replace
from multiprocessing.connection import Listener
from pathlib import Path
from typing import Final, NoReturn

from dis_core.__version__ import __version__
from dis_core.daemon import endpoint
from dis_core.daemon.client import KEEP_ALIVE_S
from dis_core.daemon.connection import ClientConnection
from dis_core.daemon.lifecycle import FIRST_REQUEST_S, MAX_CLIENTS, Daemon
from dis_core.daemon.logs import write_log
from dis_core.errors import DaemonUnavailable, DisError
from dis_core.threads import wait_briefly

LOCK_TIMEOUT_S: Final = 3.0
"""How long a new daemon waits for an old one to exit."""

logger = logging.getLogger(__name__)


def serve(folder: Path, *, keep_alive_s: float, lock_timeout_s: float = 0.0) -> None:
    """Run the daemon until it is time to exit. Raises DaemonUnavailable if another one is running and stays."""
    endpoint.make_private(folder)
    with endpoint.locked(folder, timeout_s=lock_timeout_s) as is_mine:
        if not is_mine:
            raise DaemonUnavailable("a daemon is already running", hint="see dis-core daemon status")
        endpoint.remove_stale_files(folder)
        own, key = endpoint.new_endpoint(folder)
        try:
            daemon = Daemon(
                key,
                keep_alive_s=keep_alive_s,
                announce_exit=functools.partial(_announce_exit, folder, own),
                can_be_found=functools.partial(endpoint.is_published, folder, own),
            )
            _serve(folder, own, daemon)
        finally:
            endpoint.withdraw(folder, own)


def _announce_exit(folder: Path, own: endpoint.Endpoint) -> None:
    if not endpoint.is_published(folder, own):
        return  # somebody removes the folder, maybe just now, and must not find another file in it
    with contextlib.suppress(DaemonUnavailable):
        endpoint.publish(folder, replace(own, is_leaving=True))


def _serve(folder: Path, own: endpoint.Endpoint, daemon: Daemon) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.leave("now"))
    before = os.umask(0o077)
    listener = Listener(own.address, backlog=MAX_CLIENTS)
    os.umask(before)
    threading.Thread(target=_accept, args=(listener, daemon), name="accept", daemon=True).start()
    endpoint.publish(folder, own)
    # The worker begins by importing torch, which leaves little time for answering whoever has started this daemon.
    daemon.may_load.wait(FIRST_REQUEST_S)
    daemon.worker.start()
    logger.info("started, version %s", __version__)
    daemon.run_until_idle()
    logger.info("exiting after %d images", daemon.worker.done)


def _accept(listener: Listener, daemon: Daemon) -> None:
    while True:
        try:
            connection = listener.accept()
        except OSError as error:  # too many open files, or the client is gone already; the next one may work
            logger.warning("a connection could not be accepted: %s", error.strerror)
            time.sleep(0.05)
            continue
        client = ClientConnection(connection, daemon)
        if daemon.add_client(client):
            client.start()
        else:
            connection.close()


def main(keep_alive_s: str = str(KEEP_ALIVE_S)) -> NoReturn:
    """The program that clients start: run the daemon, then exit."""
    wait_briefly(os.environ)
    write_log(logging.INFO)
    try:
        serve(endpoint.runtime_folder(), keep_alive_s=float(keep_alive_s), lock_timeout_s=LOCK_TIMEOUT_S)
    except DisError as error:
        logger.info("not started: %s", error.message)
        end(1)
    end(0)


def end(status: int) -> NoReturn:
    """End this process at once. Threads may be running a network, which Python would wait for or crash on."""
    logging.shutdown()
    os._exit(status)
