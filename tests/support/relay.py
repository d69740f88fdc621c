"""A network between a program and PostgreSQL that can be cut: no byte goes on, and no side is told."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

import psycopg

LOOPBACK = "127.0.0.2"
"""The address of the other machine."""


class Relay:
    """Takes connections at an address of its own and passes them on to the socket of a PostgreSQL."""

    def __init__(self, database_url: str) -> None:
        words = psycopg.conninfo.conninfo_to_dict(database_url)
        self._target = f"{words['host']}/.s.PGSQL.{words.get('port', 5432)}"
        self._is_open = threading.Event()
        self._is_open.set()
        self._listener = socket.create_server((LOOPBACK, 0))
        self._sockets: list[socket.socket] = []
        self.url = psycopg.conninfo.make_conninfo(database_url, host=LOOPBACK, port=self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self._is_open.set()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """From now on nothing goes through."""
        self._is_open.clear()

    def heal(self) -> None:
        """Everything that waited goes through now."""
        self._is_open.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._target)
                self._sockets += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self._is_open.wait()
                sink.sendall(data)
        self._is_open.wait()
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
