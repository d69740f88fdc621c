"""Reserve the port of the API for one tree of processes.

Each server process listens with a socket of its own (SO_REUSEPORT), so that the kernel shares out the connections. The
kernel would also give connections to another such program of this user. To prevent that, a tree holds a reservation,
which is a socket with a name that the kernel gives only once, and checks that no other program listens.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path

from consentory.bootstrap.endpoint import Endpoint
from consentory.errors import ConsentoryError

CLAIM_VARIABLE = "CONSENTORY_CLAIM"
"""The number of the open socket with the reservation of `consentory up`, for the `consentory serve` of its tree."""


_CLAIM = "consentory/"
_EVERY_INTERFACE = frozenset(("0.0.0.0", "::"))  # noqa: S104


class PortRefused(ConsentoryError):
    """No process can listen on the port. The text tells the reason."""


def claim_port(endpoint: Endpoint) -> socket.socket:
    """The reservation of the endpoint's port: the tree's, or a new one. It lasts while any process holds it.

    Raises PortRefused.
    """
    handed = os.environ.pop(CLAIM_VARIABLE, None)
    if handed is not None:
        return socket.socket(fileno=int(handed))
    claim = socket.socket(socket.AF_UNIX)
    try:
        if sys.platform == "linux":
            # As a port, this name is one of the network namespace, and gone with its last holder.
            claim.bind(f"\0{_CLAIM}{endpoint.host}/{endpoint.port}")
            _check_claims(endpoint)
        check_port(endpoint)
    except OSError as error:
        claim.close()
        raise PortRefused(_explain(endpoint, error)) from error
    except PortRefused:
        claim.close()
        raise
    return claim


def _check_claims(endpoint: Endpoint) -> None:
    """Raises PortRefused if another tree has reserved the port on an address that includes ours, or that ours includes.
    One of the two addresses stands for all interfaces. The other tree may not listen yet."""
    for line in Path("/proc/net/unix").read_text().splitlines():
        host, _, port = line.rpartition(f" @{_CLAIM}")[2].rpartition("/")
        if not host or port != str(endpoint.port) or host == endpoint.host:
            continue
        if not _EVERY_INTERFACE.isdisjoint((host, endpoint.host)):
            raise PortRefused(_explain(endpoint, OSError(errno.EADDRINUSE, "")))


def check_port(endpoint: Endpoint) -> None:
    """Raises PortRefused if no process can listen on the port, or another program listens there already."""
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            # With this, connections that ended lately are no obstacle. A program that listens is an obstacle, even
            # with SO_REUSEPORT.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((endpoint.host, endpoint.port))
            probe.listen()
        except OSError as error:
            raise PortRefused(_explain(endpoint, error)) from error


def _explain(endpoint: Endpoint, error: OSError) -> str:
    place = f"Port {endpoint.port} of {endpoint.host}"
    if error.errno == errno.EADDRINUSE:
        return f"{place}: port in use. Another program listens there. Stop that program, or name another --port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"Consentory cannot listen on {place}: this machine does not have that address. Give --host another one."
    return f"Consentory cannot listen on {place}: {error.strerror}. Name another --port or --host."
