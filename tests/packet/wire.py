# SPDX-License-Identifier: GPL-2.0-only
"""Reading and rewriting frames byte by byte for the model, without scapy or the programs."""

TCP, UDP, ICMP, ICMP6, SCTP = 6, 17, 1, 58, 132
FIN, SYN, RST, ACK = 1, 2, 4, 16
L4_HEADER = {TCP: 20, UDP: 8, SCTP: 12}
QUOTED_HEADER = {TCP: 8, UDP: 8, SCTP: 8}  # what an ICMP error quotes at least
EXTENSIONS = (0, 43, 44, 51, 60)
EXTENSIONS_MAX, EXTENSIONS_BYTES = 8, 256
ERRORS = {4: (3, 11, 12), 6: (1, 2, 3, 4)}
ECHO = {4: (8, 0), 6: (128, 129)}
CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP: 2, ICMP6: 2}


class Packet:
    """The headers of a frame from the byte @at on; .bad is the reason if it is unreadable."""
    def __init__(self, frame, at=14, family=None, quoted=False):
        self.frame, self.at, self.quoted = frame, at, quoted
        self.bad = None
        self.src = self.dst = b""
        self.proto = self.ttl = self.end = self.ident = 0
        self.l4 = self.sport = self.dport = self.tcp_flags = 0
        self.options = self.fragment = self.later = self.source_route = False
        self.offset = 0  # of the fragment, in 8 bytes
        self.may_fragment = False  # IPv4 without DF
        self.ident_at = 0  # where the identification is: IPv4, or a fragment of IPv6
        self.sums_up = True  # IPv4's header checksum
        self.kind = "other"
        ethertype = frame[12:14]
        self.family = family or {b"\x08\x00": 4, b"\x86\xdd": 6}.get(ethertype)
        if not self.family:
            self.bad = "not IP"
        elif self.family == 4:
            self.read_ipv4()
        else:
            self.read_ipv6()

    def read_ipv4(self):
        f, at = self.frame, self.at
        available = len(f) - at
        if available < 20 or f[at] >> 4 != 4 or f[at] & 15 < 5:
            self.bad = "header"
            return
        self.src, self.dst, self.ttl, self.proto = f[at + 12:at + 16], f[at + 16:at +
                                                                         20], f[at + 8], f[at + 9]
        header, total = 4 * (f[at] & 15), int.from_bytes(f[at + 2:at + 4], "big")
        if header > available or not (self.quoted or header <= total <= available):
            self.bad = "length"
            return
        self.options = header > 20
        self.sums_up = ones(f[at:at + header]) == 0xffff
        self.source_route = self.find_source_route(f[at + 20:at + header])
        where = int.from_bytes(f[at + 6:at + 8], "big")
        self.fragment, self.later = bool(where & 0x3fff), bool(where & 0x1fff)
        self.offset = where & 0x1fff
        self.may_fragment, self.ident_at = not where & 0x4000, at + 4
        self.ident = int.from_bytes(f[at + 4:at + 6], "big")
        self.end = len(f) if self.quoted else at + total  # a quotation ends where it was cut
        self.read_l4(at + header)

    @staticmethod
    def find_source_route(options):
        at = 0
        while at < len(options) and options[at]:
            if options[at] in (131, 137):
                return True
            size = options[at + 1] if options[at] != 1 and at + 1 < len(options) else 1
            at += max(size, 1)
        return False

    def read_ipv6(self):
        f, at = self.frame, self.at
        if len(f) - at < 40 or f[at] >> 4 != 6:
            self.bad = "header"
            return
        self.src, self.dst, self.ttl, self.proto = f[at + 8:at + 24], f[at + 24:at +
                                                                        40], f[at + 7], f[at + 6]
        total = 40 + int.from_bytes(f[at + 4:at + 6], "big")
        if total > len(f) - at and not self.quoted:
            self.bad = "length"
            return
        mapped = bytes(10) + b"\xff\xff"
        if self.src[:12] == mapped or self.dst[:12] == mapped:
            self.bad = "mapped"
            return
        self.end = len(f) if self.quoted else at + total  # a quotation ends where it was cut
        self.walk(at + 40)

    def walk(self, at):
        """The extension headers."""
        f, start, count = self.frame, at, 0
        while self.proto in EXTENSIONS:
            self.options, count = True, count + 1
            misplaced = self.proto == 0 and count > 1  # hop-by-hop options come first (RFC 8200)
            if at + 8 > self.end or count > EXTENSIONS_MAX or misplaced:
                self.bad = "extension"
                return
            size = 8 * (f[at + 1] + 1)
            if self.proto == 44:
                size = 8
                where = int.from_bytes(f[at + 2:at + 4], "big")
                self.later = bool(where & 0xfff8)
                self.offset = where >> 3
                self.ident_at = at + 4
                self.fragment = self.later or bool(where & 1)
                self.ident = int.from_bytes(f[at + 4:at + 8], "big")
            elif self.proto == 51:
                size = 4 * (f[at + 1] + 2)
            elif self.proto == 43 and f[at + 3]:
                self.source_route = True
            self.proto, at = f[at], at + size
            if self.later:
                break
        if at > self.end or at - start > EXTENSIONS_BYTES and not self.later:
            self.bad = "extension"
            return
        self.read_l4(at)

    def read_l4(self, at):
        f, self.l4 = self.frame, at
        if self.later:
            self.kind = "later"
            return
        icmp = ICMP if self.family == 4 else ICMP6
        need = QUOTED_HEADER if self.quoted else L4_HEADER
        if self.proto in need:
            if self.end - at < need[self.proto]:
                self.bad = "tiny" if self.fragment else "l4"
                return
            self.sport, self.dport = (int.from_bytes(f[at + i:at + i + 2], "big") for i in (0, 2))
            self.kind = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}[self.proto]
            if self.proto == TCP and self.end - at >= 14:
                self.tcp_flags = f[at + 13]
        elif self.proto in (ICMP, ICMP6):
            self.kind = "icmp"
            if self.end - at < 8:
                self.bad = "tiny" if self.fragment else "l4"
            elif self.proto == icmp:
                self.read_icmp(at)

    def read_icmp(self, at):
        kind, ident = self.frame[at], int.from_bytes(self.frame[at + 4:at + 6], "big")
        if kind == ECHO[self.family][0]:
            self.kind, self.sport = "request", ident
        elif kind == ECHO[self.family][1]:
            self.kind, self.dport = "reply", ident
        elif kind in ERRORS[self.family]:
            self.kind = "error"

    def embedded(self):
        """The packet that an ICMP error quotes."""
        return Packet(self.frame[:self.end], self.l4 + 8, self.family, quoted=True)

    def key(self):
        return (self.family, self.proto, self.src, self.sport, self.dst, self.dport)


def fold(total):
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def ones(data):
    """The one's complement sum of 16-bit words."""
    if len(data) & 1:
        data = bytes(data) + b"\0"
    return fold(sum(int.from_bytes(data[i:i + 2], "big") for i in range(0, len(data), 2)))


def adjusted(checksum, old, new):
    """RFC 1624, equation 3."""
    return ~fold((~checksum & 0xffff) + sum(~w & 0xffff for w in words(old)) + ones(new)) & 0xffff


def words(data):
    return [int.from_bytes(data[i:i + 2], "big") for i in range(0, len(data), 2)]


def put(frame, at, data):
    frame[at:at + len(data)] = data


def adjust_at(frame, at, old, new):
    put(frame, at, adjusted(int.from_bytes(frame[at:at + 2], "big"), old, new).to_bytes(2, "big"))


def one_hop_further(frame, packet):
    new = bytearray(frame)
    if packet.family == 6:
        new[packet.at + 7] -= 1
        return bytes(new)
    old = bytes(new[packet.at + 8:packet.at + 10])
    new[packet.at + 8] -= 1
    adjust_at(new, packet.at + 10, old, bytes(new[packet.at + 8:packet.at + 10]))
    return bytes(new)


def rewritten(frame, packet, side, address, port):
    """Another source (@side "src") or destination ("dst"); port None: it stays."""
    new, first = bytearray(frame), side == "src"
    size = 4 if packet.family == 4 else 16
    at = packet.at + ({4: 12, 6: 8}[packet.family] + (0 if first else size))
    old_address = packet.src if first else packet.dst
    put(new, at, address)
    if packet.family == 4:
        adjust_at(new, packet.at + 10, old_address, address)
    if packet.later or packet.kind in ("other", "icmp"):
        return bytes(new)
    old_port, port_at = port_place(packet, first)
    new_port = old_port if port is None else port.to_bytes(2, "big")
    adjust_l4(new, packet, (old_address, address), (old_port, new_port))
    put(new, port_at, new_port)
    return bytes(new)


def with_ident(frame, packet, ident):
    """Another identification."""
    new, size = bytearray(frame), 2 if packet.family == 4 else 4
    old = bytes(new[packet.ident_at:packet.ident_at + size])
    put(new, packet.ident_at, ident.to_bytes(size, "big"))
    if packet.family == 4:
        adjust_at(new, packet.at + 10, old, ident.to_bytes(2, "big"))
    return bytes(new)


def port_place(packet, first):
    """(bytes, offset) of the port or echo id of that side."""
    if packet.kind in ("request", "reply"):
        at = packet.l4 + 4
    else:
        at = packet.l4 + (0 if first else 2)
    return packet.frame[at:at + 2], at


def adjust_l4(new, packet, addresses, ports):
    """The L4 checksum, where there is one in the bytes at hand."""
    if packet.proto not in CHECKSUM_AT:
        return
    at = packet.l4 + CHECKSUM_AT[packet.proto]
    if at + 2 > packet.end:
        return
    is_udp = packet.proto == UDP
    if is_udp and new[at:at + 2] == b"\0\0":
        return
    if packet.proto != ICMP:  # IPv4's ICMP has no pseudo header
        adjust_at(new, at, *addresses)
    adjust_at(new, at, *ports)
    if is_udp and new[at:at + 2] == b"\0\0":
        put(new, at, b"\xff\xff")


def error_checksum(new, packet):
    """The checksum of an ICMP error, computed anew."""
    new = bytearray(new)
    put(new, packet.l4 + 2, b"\0\0")
    data = bytes(new[packet.l4:packet.end])
    if packet.family == 6:
        data = bytes(new[packet.at + 8:packet.at + 40]) + len(data).to_bytes(
            4, "big") + b"\0\0\0\x3a" + data
    put(new, packet.l4 + 2, (~ones(data) & 0xffff).to_bytes(2, "big"))
    return bytes(new)


def same(got, wanted):
    """Equal, but for checksums that write zero in the other of its two ways."""
    if got == wanted:
        return True
    if len(got) != len(wanted):
        return False
    at = [i for i in range(len(got)) if got[i] != wanted[i]]
    return all({got[i], wanted[i]} == {0, 255} for i in at) and len(at) in (2, 4)
