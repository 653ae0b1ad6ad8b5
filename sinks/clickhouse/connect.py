"""Connects to a ClickHouse server by its address, or to the embedded engine (chDB) by its folder."""

from __future__ import annotations

import fcntl
import logging
import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError, ProgrammingError
from urllib3.exceptions import MaxRetryError

from pipeline.failure import Failure
from pipeline.folders import private_folder

logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # what fails is raised, and told by who catches it

_SCHEMES: Final = {"http": False, "clickhouse": False, "https": True, "clickhouses": True}
"""Whether a scheme is TLS."""
_HOW_TO_WRITE_ONE: Final = (
    f"write chdb:///folder or http://host:8123/database ({', '.join(['chdb', *_SCHEMES])}), and in a password %23 for "
    "#, %2F for /, %3F for ?, %5B for ["
)
_CONNECT_SECONDS: Final = 10
_ANSWER_SECONDS: Final = 20
"""How long ClickHouse may be silent; an insert that it was silent about is made again with its token. While it works it
says so every fifteen seconds, so a statement may take longer."""
_PID: Final = re.compile(r"^PID: (\d+)", re.MULTILINE)


class CannotConnect(Failure):
    """ClickHouse is unavailable; the message says why and what to do."""


class NoAnswer(CannotConnect):
    """ClickHouse is temporarily unavailable: the call may be retried."""


def open_clickhouse(dsn: str) -> Client:
    """A client for `chdb:///folder` or `http(s)|clickhouse(s)://user:password@host:port/database`.

    A client belongs to one thread; several in one process may share a folder. Raises `CannotConnect`.
    """
    try:
        address = urlsplit(dsn)
        port = address.port
    except ValueError:  # which may quote a piece of the password
        message = f"this is not a ClickHouse address; {_HOW_TO_WRITE_ONE}"
        raise CannotConnect(message) from None
    if address.scheme == "chdb":
        return _open_folder(Path(unquote(address.path)))
    if address.scheme not in _SCHEMES or not address.hostname:
        message = f"{address.scheme}://{address.hostname or ''} is not a ClickHouse address; {_HOW_TO_WRITE_ONE}"
        raise CannotConnect(message)
    secure = _SCHEMES[address.scheme]
    try:
        return clickhouse_connect.get_client(
            interface="https" if secure else "http",
            host=address.hostname,
            port=port or (8443 if secure else 8123),
            username=unquote(address.username or "default"),
            password=unquote(address.password or ""),
            database=address.path.strip("/") or "default",
            autogenerate_session_id=False,
            connect_timeout=_CONNECT_SECONDS,
            send_receive_timeout=_ANSWER_SECONDS,
        )
    except OperationalError as error:
        message = f"ClickHouse at {address.hostname} does not answer: {reason(error)}"
        raise NoAnswer(message) from error
    except ClickHouseError as error:
        message = f"ClickHouse at {address.hostname} does not answer as it should: {reason(error)}"
        raise CannotConnect(message) from error


def reason(error: ClickHouseError) -> str:
    """The error text, without the address and the settings that every request repeats."""
    cause = error.__cause__
    if isinstance(cause, MaxRetryError) and cause.reason is not None:
        return str(cause.reason)
    return str(cause or error).partition(" (for url ")[0]


def _open_folder(folder: Path) -> Client:
    if "?" in str(folder):
        message = (
            f"{folder} has a ? in its name, which the embedded ClickHouse cannot open: rename the folder, or name "
            "another one with --data-dir"
        )
        raise CannotConnect(message)
    private_folder(folder)
    holder = _holder_of(folder)
    if holder is not None and holder != os.getpid():
        message = (
            f"the ClickHouse folder {folder} is held by process {holder}, and one process at a time can use it: "
            "wait for it to end or stop it, then run this again"
        )
        raise CannotConnect(message)
    try:
        return clickhouse_connect.get_client(interface="chdb", path=str(folder))
    except ProgrammingError as error:
        message = f"the ClickHouse folder {folder} cannot be opened: {error}"
        raise CannotConnect(message) from error


def _holder_of(folder: Path) -> int | None:
    """The process that holds the engine's lock: the engine itself does not report it."""
    status = folder / "status"
    if not status.exists():
        return None
    with status.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = _PID.search(file.read())
            return int(found[1]) if found else 0
    return None
