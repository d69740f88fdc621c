"""The proxies that may report a client's address: those that the setting `trusted_proxies` names."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from consentory.config import split_networks

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TrustedProxies:
    """The networks of the trusted proxies."""

    def __init__(self, text: str = "") -> None:
        """`text`: addresses and networks (CIDR), separated by commas. Raises ValueError."""
        self._networks = split_networks(text)

    def find_client(self, peer: str | None, forwarded: Sequence[str]) -> str | None:
        """The address of the client that sent a request.

        `peer` is the address of the connection, `forwarded` holds the X-Forwarded-For headers. Each proxy appends the
        address that it sees. So the list is read from its end, as long as a trusted proxy wrote the entry. A client can
        write any text before these entries, and that text is ignored.
        """
        client = peer
        entries = [entry.strip() for header in forwarded for entry in header.split(",")]
        while entries and self.trusts(client):
            found = _read_address(entries.pop())
            if found is None:
                break
            client = str(found)
        return client

    def trusts(self, text: str | None) -> bool:
        """True if the address is the address of a trusted proxy."""
        address = _read_address(text or "") if self._networks else None
        return address is not None and any(address in network for network in self._networks)


def _read_address(text: str) -> _Address | None:
    """An address as proxies write it: IPv6 also in brackets, IPv4 and IPv6 also with a port."""
    host = text.strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
