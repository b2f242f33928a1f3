"""Hosts, origins and clusters as settings and requests name them."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

#: Letters, digits and hyphens between dots; one dot before them stands for every name that ends so.
_NAME = re.compile(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_ORIGIN = re.compile(r"https?://([^/?#@\s:\[\]]+|\[[0-9a-f:.]+\])(:\d{1,5})?")
_CLUSTER = re.compile(r"(tcp|tls)://([^/?#@\s:\[\]]+|\[[0-9a-f:.]+\]):\d{1,5}", re.IGNORECASE)
_LOOPBACK = "localhost"
#: What uWSGI listens on every address of the machine for.
_ANY = ("", "0.0.0.0", "::")


def canonical(host: str) -> str:
    """A name in lower case, or an address in its shortest form; IPv6 without brackets."""
    name = host.lower().removesuffix(".").removeprefix("[").removesuffix("]")
    return str(_address(name) or name)


def is_address(host: str) -> bool:
    """Whether a host is written as an IP address and not as a name."""
    return _address(canonical(host)) is not None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host; of a name other than ``localhost`` nobody knows."""
    address = _address(canonical(host))
    return canonical(host) == _LOOPBACK if address is None else address.is_loopback


def is_any(host: str) -> bool:
    """Whether to listen on a host is to listen on every address of this machine."""
    return canonical(host) in _ANY


def hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    """Hosts, made canonical. Raises ``ValueError`` with a sentence for what is none."""
    for name in names:
        if not is_address(name) and not _NAME.fullmatch(name.lower()):
            raise ValueError(f"{name!r} is not a host; write its name alone, such as faces.example.org")
    return tuple(map(canonical, names))


def origins(written: tuple[str, ...]) -> tuple[str, ...]:
    """Origins of web pages, as browsers write them. Raises ``ValueError`` with a sentence for what is none."""
    for origin in written:
        if not _ORIGIN.fullmatch(origin.lower()):
            raise ValueError(f"{origin!r} is not an origin; write scheme, host and port: https://faces.example.org")
    return tuple(origin.lower() for origin in written)


def cluster(written: str) -> str:
    """A scheduler's address, or nothing. Raises ``ValueError`` with a sentence for what is neither."""
    if written and not _CLUSTER.fullmatch(written):
        raise ValueError(f"{written!r} is no address of a Dask scheduler; write it as tcp://scheduler.example.org:8786")
    return written


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
