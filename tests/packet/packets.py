# SPDX-License-Identifier: GPL-2.0-only
"""Packets as scapy builds them: the oracle of the tests computes every checksum anew."""
import logging

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.config import conf  # noqa: E402

conf.ipv6_enabled = True
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption  # noqa: E402
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,  # noqa: E402
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6Unknown,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    RouterAlert)
from scapy.layers.l2 import ARP, Dot1Q, Ether  # noqa: E402
from scapy.layers.sctp import SCTP, SCTPChunkData  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy.utils import checksum  # noqa: E402

__all__ = [
    "ICMP", "IP", "TCP", "UDP", "IPOption", "ICMPv6EchoReply", "ICMPv6EchoRequest", "ICMPv6ND_NA",
    "ICMPv6ND_NS", "ICMPv6NDOptDstLLAddr", "ICMPv6NDOptSrcLLAddr", "ICMPv6Unknown", "IPv6",
    "IPv6ExtHdrDestOpt", "IPv6ExtHdrFragment", "IPv6ExtHdrHopByHop", "ARP", "Dot1Q", "Ether", "RouterAlert",
    "SCTP", "SCTPChunkData", "Raw", "ip", "tcp", "udp", "echo", "reply", "sctp", "other", "l4",
    "PROTOCOLS", "error", "translated", "explain", "is6", "moved"
]

PROTOCOLS = ("tcp", "udp", "echo", "sctp", "gre")


def is6(address):
    return ":" in address


def ip(src, dst, ttl=64, **fields):
    """The IP header of either family; IPv4 with DF, as stacks send it."""
    if is6(dst):
        return IPv6(src=src, dst=dst, hlim=ttl, **fields)
    return IP(src=src, dst=dst, ttl=ttl, id=fields.pop("id", 7), flags=fields.pop("flags", "DF"), **fields)


def tcp(src, dst, sport, dport, flags="S", data=b"", ttl=64, **fields):
    return ip(src, dst, ttl, **fields) / TCP(sport=sport, dport=dport, flags=flags,
                                             seq=1000) / Raw(data)


def udp(src, dst, sport, dport, data=b"hello", ttl=64, **fields):
    return ip(src, dst, ttl, **fields) / UDP(sport=sport, dport=dport) / Raw(data)


def echo(src, dst, ident, data=b"ping", ttl=64, **fields):
    kind = ICMPv6EchoRequest(id=ident, seq=1) if is6(dst) else ICMP(type=8, id=ident, seq=1)
    return ip(src, dst, ttl, **fields) / kind / Raw(data)


def reply(src, dst, ident, data=b"ping", ttl=64, **fields):
    kind = ICMPv6EchoReply(id=ident, seq=1) if is6(dst) else ICMP(type=0, id=ident, seq=1)
    return ip(src, dst, ttl, **fields) / kind / Raw(data)


def sctp(src, dst, sport, dport, data=b"data", ttl=64, **fields):
    return (ip(src, dst, ttl, **numbered(dst, 132), **fields) /
            SCTP(sport=sport, dport=dport, tag=5) / SCTPChunkData(data=data))


def numbered(dst, number):
    return {"nh": number} if is6(dst) else {"proto": number}


def other(src, dst, number=47, data=b"\0\0\x88\xbe some payload", ttl=64, **fields):
    """A protocol without ports: GRE unless told otherwise."""
    return ip(src, dst, ttl, **numbered(dst, number), **fields) / Raw(data)


def l4(protocol, src, dst, sport, dport, answer=False, **fields):
    """One packet of any protocol; for echo the id is the port that is not the remote's."""
    if protocol == "tcp":
        return tcp(src, dst, sport, dport, fields.pop("flags", "SA" if answer else "S"), **fields)
    if protocol == "udp":
        return udp(src, dst, sport, dport, **fields)
    if protocol == "echo":
        return reply(src, dst, dport, **fields) if answer else echo(src, dst, sport, **fields)
    if protocol == "sctp":
        return sctp(src, dst, sport, dport, **fields)
    return other(src, dst, **fields)


def middle(protocol, src, dst, sport, dport, **fields):
    """One from the middle of a conversation, by TCP or UDP."""
    more = dict(flags="A") if protocol == "tcp" else {}
    return l4(protocol, src, dst, sport, dport, **more, **fields)


def error(src, dst, kind, code, about, length=None, ttl=64, field=0):
    """An ICMP error that quotes the first @length bytes of the packet @about."""
    body = field.to_bytes(4, "big") + bytes(about)[:length]
    if is6(dst):
        return ip(src, dst, ttl) / ICMPv6Unknown(type=kind, code=code, msgbody=body)
    whole = bytes([kind, code, 0, 0]) + body
    return ip(src, dst, ttl, proto=1) / Raw(whole[:2] + checksum(whole).to_bytes(2, "big") + body)


def translated(packet, src=None, dst=None, sport=None, dport=None, ttl=None):
    """A copy with other addresses, ports (id of an echo) or TTL, and all checksums built anew."""
    new = packet.copy()
    layer = new[IPv6] if IPv6 in new else new[IP]
    hops = "hlim" if IPv6 in new else "ttl"
    set_if(layer, src=src, dst=dst, **{hops: ttl})
    for kind in (TCP, UDP, SCTP):
        if kind in new:
            set_if(new[kind], sport=sport, dport=dport)
    for kind in (ICMP, ICMPv6EchoRequest, ICMPv6EchoReply):
        if kind in new and (sport or dport):
            new[kind].id = sport or dport
    return rebuilt(new)


def set_if(layer, **fields):
    for name, value in fields.items():
        if value is not None:
            setattr(layer, name, value)


def rebuilt(packet):
    """Deletes checksums, so that scapy computes them; a UDP checksum of zero stays zero."""
    for layer in packet.iterpayloads():
        for name in ("chksum", "cksum"):
            if name in layer.fields and not (isinstance(layer, UDP) and layer.fields[name] == 0):
                del layer.fields[name]
    return packet


def moved(packet, ttl_by=-1):
    """The packet one hop further."""
    layer = packet[IPv6] if IPv6 in packet else packet[IP]
    return translated(packet, ttl=(layer.hlim if IPv6 in packet else layer.ttl) + ttl_by)


def explain(got, wanted):
    """Two frames as text where they differ."""
    at = [i for i in range(max(len(got), len(wanted))) if got[i:i + 1] != wanted[i:i + 1]]
    return (f"frames differ at bytes {at[:12]}\n   got  {got.hex()}\n   want {wanted.hex()}\n"
            f"   got  {Ether(got).summary()}\n   want {Ether(wanted).summary()}")
