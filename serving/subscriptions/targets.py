"""Which addresses a webhook may go to: the guard against requests forged through a subscription.

A name is judged by the address it stands for at the moment of connecting, never by its spelling.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from fenliu.errors import ConfigurationError, InvalidInput

Address = IPv4Address | IPv6Address

# Refused whatever the list says: services that hand out a machine's credentials, and addresses
# that are not one machine.
_NEVER = [
    ipaddress.ip_network(network)
    for network in (
        "169.254.169.254/32",
        "169.254.170.2/32",
        "169.254.0.23/32",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "fd00:ec2::254/128",
        "fd20:ce::254/128",
        "0.0.0.0/8",
        "224.0.0.0/4",
        "255.255.255.255/32",
        "::/128",
        "ff00::/8",
    )
]
# Not for everybody, though Python's table of the internet does not say so.
_NOT_PUBLIC = [
    ipaddress.ip_network(network) for network in ("::/96", "fec0::/10", "64:ff9b:1::/48")
]
_NAT64 = IPv6Network("64:ff9b::/96")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_URL = re.compile(r"[!-\[\]-~]{1,2048}")


@dataclass(frozen=True, slots=True)
class TargetRules:
    """Hosts and networks that an installation lets webhooks go to; none listed: the internet."""

    names: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, listed: str) -> "TargetRules":
        """Read `host, network, …`; raises ConfigurationError."""
        names: set[str] = set()
        networks: list[IPv4Network | IPv6Network] = []
        for entry in filter(None, (part.strip().lower() for part in listed.split(","))):
            try:
                networks.append(ipaddress.ip_network(entry))
            except ValueError:
                if "/" in entry or not _NAME.fullmatch(entry):
                    raise ConfigurationError(
                        f"webhook_allowed_hosts: {entry!r} is neither a host name nor a network: "
                        "write for example hooks.city.example, 10.20.0.0/16"
                    ) from None
                names.add(entry)
        return cls(frozenset(names), tuple(networks))

    def allows(self, host: str, address: str) -> bool:
        """May a webhook for `host` connect to `address`?

        Loopback and link-local addresses must be listed as such a network; a listed name or
        `0.0.0.0/0` does not open them.
        """
        place = _plain(ipaddress.ip_address(address))
        if any(place in network for network in _NEVER):
            return False
        listed = [network for network in self.networks if place in network]
        if place.is_loopback or place.is_link_local:
            return any(network.is_loopback or network.is_link_local for network in listed)
        if not self.names and not self.networks:
            return place.is_global and not any(place in network for network in _NOT_PUBLIC)
        return bool(listed) or host.lower().rstrip(".") in self.names

    def check(self, url: str) -> None:
        """Raise InvalidInput for a URL that no webhook may go to.

        A name that cannot be resolved now is taken: it is judged again at each connection.
        """
        host, port = _parts(url)
        try:
            addresses = resolve(host, port)
        except OSError:
            return
        if not any(self.allows(host, address) for address in addresses):
            raise InvalidInput(
                "url",
                "points to an address that webhooks may not go to: "
                "have its host or network listed in FENLIU_WEBHOOK_ALLOWED_HOSTS",
            )


def resolve(host: str, port: int) -> list[str]:
    """Addresses of a host, in the order to try; raises OSError where there are none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(f"not a host name ({error.__class__.__name__})") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _parts(url: str) -> tuple[str, int]:
    """Host and port of a URL that has the shape of a target."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        raise InvalidInput("url", "is not a URL: write https://host/path") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput("url", "must start with http:// or https:// and name a host")
    if not _URL.fullmatch(url):
        raise InvalidInput(
            "url", "must be at most 2048 plain ASCII characters: encode others with % or xn--"
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("url", "must not hold a user or password: receivers check the signature")
    if parts.fragment:
        raise InvalidInput("url", "must not have a fragment (#…): remove it")
    return parts.hostname, port


def _plain(address: Address) -> Address:
    """The IPv4 address within an IPv6 address that only wraps it."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
