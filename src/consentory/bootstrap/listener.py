"""The port of the API is taken for one tree of processes alone.

The processes that serve listen each with a socket of their own (SO_REUSEPORT): so the kernel shares the connections
out among them. It would give some to any other such program of this user, too. Against that a tree keeps a claim, a
socket with a name that the kernel gives away once, and looks whether somebody listens already.
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
"""The number of the open socket that is the claim of `consentory up`, for the `consentory serve` of its tree."""


_CLAIM = "consentory/"
_EVERY_INTERFACE = frozenset(("0.0.0.0", "::"))  # noqa: S104


class PortRefused(ConsentoryError):
    """The port cannot be listened on. The text says why."""


def claim_port(endpoint: Endpoint) -> socket.socket:
    """The claim on the endpoint's port: that of the tree, or a new one. It lasts as long as any process that holds it.

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
    """Raises PortRefused where another tree, which may not listen yet, has the port of an address that takes in ours,
    or that ours takes in: of the two addresses one is that of every interface."""
    for line in Path("/proc/net/unix").read_text().splitlines():
        host, _, port = line.rpartition(f" @{_CLAIM}")[2].rpartition("/")
        if not host or port != str(endpoint.port) or host == endpoint.host:
            continue
        if not _EVERY_INTERFACE.isdisjoint((host, endpoint.host)):
            raise PortRefused(_explain(endpoint, OSError(errno.EADDRINUSE, "")))


def check_port(endpoint: Endpoint) -> None:
    """Raises PortRefused where the port cannot be listened on, or where anybody does so already."""
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
        return f"{place} cannot be listened on: this machine does not have that address. Give --host another one."
    return f"{place} cannot be listened on: {error.strerror}. Name another --port or --host."
