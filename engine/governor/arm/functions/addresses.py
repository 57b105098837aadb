"""Functions on IP addresses.

https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-cidr, and for ipRangeContains
https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from governor.arm.functions.values import (
    Function,
    NotComputed,
    TemplateError,
    by_name,
    or_false,
    shown,
    text_of,
    whole,
)

Range = tuple[int, int, int]
"""Version, first and last address."""


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _network(text: str) -> IPv4Network | IPv6Network | None:
    """Of `address/bits`; bits of the host may be set. A mask of four numbers is none."""
    address, _, bits = text.partition("/")
    if not (bits.isascii() and bits.isdigit()) or "%" in address:
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _range(text: str) -> Range | None:
    """Of an address, of `address/bits`, or of `first-last`."""
    if "/" in text:
        network = _network(text)
        if network is None:
            return None
        return network.version, int(network.network_address), int(network.broadcast_address)
    first, dash, last = text.partition("-")
    start, end = _address(first.strip()), _address((last if dash else first).strip())
    if start is None or end is None or start.version != end.version or int(start) > int(end):
        return None
    return start.version, int(start), int(end)


def ip_range_contains(arguments: Sequence[Any]) -> bool:
    around, within = (_known_range(argument) for argument in arguments)
    if around[0] != within[0]:
        raise TemplateError("ipRangeContains: one range is of IPv4, the other of IPv6")
    return around[1] <= within[1] and within[2] <= around[2]


def cidr_contains(arguments: Sequence[Any]) -> bool:
    """The range has to be `address/bits`, what is within it that or an address."""
    around, within = (text_of("ipRangeContains", argument) for argument in arguments)
    if "/" not in around or "-" in within:
        raise TemplateError(f"ipRangeContains: {shown(around)} is no address/bits")
    return ip_range_contains(arguments)


def _known_range(value: Any) -> Range:
    found = _range(text_of("ipRangeContains", value))
    if found is None:
        raise TemplateError(f"ipRangeContains: {shown(value)} is no IP address, address/bits or first-last")
    return found


def _known_network(function: str, value: Any) -> IPv4Network | IPv6Network:
    found = _network(text_of(function, value))
    if found is None:
        raise TemplateError(f"{function}: {shown(value)} is no address/bits")
    return found


def parse_cidr(arguments: Sequence[Any]) -> dict[str, Any]:
    network = _known_network("parseCidr", arguments[0])
    first, last = network.network_address, network.broadcast_address
    parsed = {"network": str(first), "netmask": str(network.netmask)}
    if isinstance(network, IPv4Network):
        if network.prefixlen > 30:
            raise NotComputed(f"parseCidr: Microsoft does not say which addresses of a /{network.prefixlen} are usable")
        parsed["broadcast"] = str(last)
        first, last = first + 1, last - 1
    return {**parsed, "firstUsable": str(first), "lastUsable": str(last), "cidr": network.prefixlen}


def cidr_subnet(arguments: Sequence[Any]) -> str:
    network = _known_network("cidrSubnet", arguments[0])
    bits, index = (whole("cidrSubnet", argument) for argument in arguments[1:])
    if not network.prefixlen <= bits <= network.max_prefixlen:
        raise TemplateError(f"cidrSubnet: /{bits} is no part of a /{network.prefixlen}")
    if not 0 <= index < 2 ** (bits - network.prefixlen):
        raise TemplateError(f"cidrSubnet: there is no /{bits} at {index} in a /{network.prefixlen}")
    return f"{network.network_address + (index << network.max_prefixlen - bits)}/{bits}"


def cidr_host(arguments: Sequence[Any]) -> str:
    """0 is the first usable address: the one after the network's own."""
    network = _known_network("cidrHost", arguments[0])
    index = whole("cidrHost", arguments[1])
    spare = 2 if network.version == 4 else 1
    if not 0 <= index < network.num_addresses - spare:
        raise TemplateError(f"cidrHost: there is no usable address at {index} in a /{network.prefixlen}")
    return str(network.network_address + 1 + index)


DOCUMENTED = by_name(
    [
        Function("ipRangeContains", ip_range_contains, 2, 2),
        Function("parseCidr", parse_cidr, 1, 1),
        Function("cidrSubnet", cidr_subnet, 3, 3),
        Function("cidrHost", cidr_host, 2, 2),
    ]
)

REGORUS = by_name([Function("ipRangeContains", or_false(cidr_contains), 2, 2)])
