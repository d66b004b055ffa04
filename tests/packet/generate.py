# SPDX-License-Identifier: GPL-2.0-only
"""Random frames for the fuzzer: valid flows and their variations in networks."""
import ipaddress
import struct

from lab import A, B, BROADCAST, C, D, HOST_MAC, MACS, N1, N1B, PODS, ROUTER_MAC, UNALLOCATED, V, W, W2
from wire import ACK, FIN, ICMP, ICMP6, RST, SCTP, SYN, TCP, UDP, ones

REMOTES = (W, W, W, W2, V)
PORTS = (*range(1000, 1012), *range(49150, 49170), 65535)
FLAGS = (SYN, SYN, SYN, SYN | ACK, ACK, ACK, ACK | 8, FIN | ACK, RST, RST | ACK, 0, SYN | FIN)
KINDS = ("tcp", "tcp", "tcp", "udp", "udp", "echo", "sctp", "other")


def raw(address):
    return ipaddress.ip_address(address).packed


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def frame_of(src, dst, packet):
    kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    return mac(dst) + mac(src) + kind + packet


def pod_frame(pod, packet):
    return frame_of(pod.mac, HOST_MAC, packet)


def out_frame(packet, uplink="up0"):
    return frame_of(MACS[uplink], ROUTER_MAC, packet)


def in_frame(packet, uplink="up0"):
    return frame_of(ROUTER_MAC, MACS[uplink], packet)


def sum_of(src, dst, number, payload, family):
    if family == 4 and number == ICMP:
        return ~ones(payload) & 0xffff
    pseudo = src + dst + len(payload).to_bytes(4, "big") + number.to_bytes(4, "big")
    return ~ones(pseudo + payload) & 0xffff


def with_sum(payload, at, value):
    return payload[:at] + value.to_bytes(2, "big") + payload[at + 2:]


def ip(src, dst, number, payload, ttl=64, options=b"", extensions=(), fragment=None, ident=7, df=True):
    """An IP packet of either family; @df: IPv4 with DF; @fragment: (offset in bytes, more); @extensions: numbers."""
    src, dst = raw(src), raw(dst)
    if len(src) == 4:
        where = fragment[0] // 8 | 0x2000 * fragment[1] if fragment else 0x4000 * df
        head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) +
                           len(payload), ident, where, ttl, number, 0, src, dst) + options
        return with_sum(head, 10, ~ones(head) & 0xffff) + payload
    chain = b""
    if fragment:
        chain, number = struct.pack("!BBHI", number, 0, fragment[0] | fragment[1], ident), 44
    for extension in reversed(extensions):  # each one PadN option
        chain, number = bytes([number, 0, 1, 4, 0, 0, 0, 0]) + chain, extension
    return struct.pack("!IHBB16s16s", 6 << 28,
                       len(chain) + len(payload), number, ttl, src, dst) + chain + payload


def l4(kind, src, dst, sport, dport, data=b"", flags=SYN, answer=False):
    """(protocol number, payload) with its checksum."""
    family = 6 if ":" in dst else 4
    s, d = raw(src), raw(dst)
    if kind == "tcp":
        body = struct.pack("!HHIIBBHHH", sport, dport, 1, 2, 0x50, flags, 512, 0, 0) + data
        return TCP, with_sum(body, 16, sum_of(s, d, TCP, body, family))
    if kind == "udp":
        body = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
        return UDP, with_sum(body, 6, sum_of(s, d, UDP, body, family) or 0xffff)
    if kind == "echo":
        number = ICMP if family == 4 else ICMP6
        types = {4: (8, 0), 6: (128, 129)}[family]
        body = struct.pack("!BBHHH", types[answer], 0, 0, dport if answer else sport, 1) + data
        return number, with_sum(body, 2, sum_of(s, d, number, body, family))
    if kind == "sctp":
        return SCTP, struct.pack("!HHII", sport, dport, 1, 0x12345678) + data
    return 47, b"\0\0\x88\xbe" + data


def error(src, dst, kind, code, quoted, ttl=64):
    family = 6 if ":" in dst else 4
    number = ICMP6 if family == 6 else ICMP
    body = struct.pack("!BBHI", kind, code, 0, 1400) + quoted
    return ip(src, dst, number, with_sum(body, 2, sum_of(raw(src), raw(dst), number, body, family)),
              ttl)


class Generator:
    """Random events; it remembers frames that passed, to answer and to quote them."""
    def __init__(self, chance):
        self.chance = chance
        self.outside, self.inside = [], []  # (frame, its kind) that left, that were delivered
        self.queue = []
        # in some epochs all flows want the few ports to one remote
        self.narrow = chance.random() < .3

    def remember(self, store, frame):
        store.append(frame)
        del store[:-40]

    def data(self):
        return self.chance.randbytes(self.chance.choice((0, 1, 4, 9, 33)))

    def ttl(self):
        return self.chance.choice((64, 64, 64, 64, 255, 2, 1))

    def extras(self, family):
        """IPv4 options or IPv6 extension headers, sometimes."""
        if self.chance.random() > .06:
            return {}
        if family == 4:
            return {"options": self.chance.choice((b"\x01" * 4, b"\x94\x04\0\0", b"\x01" * 40))}
        return {
            "extensions": self.chance.choice(((0, ), (60, ), (0, 60), (60, 60, 60), (60, ) * 9))
        }

    def between(self, src, dst, sport, dport, answer=False):
        kind = "tcp" if self.narrow and self.chance.random() < .8 else self.chance.choice(KINDS)
        number, payload = l4(kind, src, dst, sport, dport, self.data(), self.chance.choice(FLAGS),
                             answer)
        return ip(src, dst, number, payload, self.ttl(), df=self.chance.random() > .1,
                  **self.extras(6 if ":" in dst else 4))

    def event(self):
        """(hook, frame, pod or uplink, mutated)"""
        if self.queue:
            return self.queue.pop(0)
        choices = ((self.out, 30), (self.answer, 20), (self.again, 10), (self.inbound, 6), (self.node_out, 1),
                   (self.inbound_answer, 5), (self.error_in, 6), (self.error_out, 4), (self.error_sent, 4),
                   (self.local, 8), (self.strange, 4), (self.fragments, 3), (self.fragments_in,
                                                                             2), (self.mutated, 10))
        maker = self.chance.choices([c for c, _ in choices], [w for _, w in choices])[0]
        return maker() or self.out()

    def out(self):
        family, pod = self.chance.choice((4, 6)), self.chance.choice(PODS)
        remote = W if self.narrow else self.chance.choice(REMOTES)
        packet = self.between(pod.ip[family], remote[family], self.chance.choice(PORTS),
                              self.chance.choice((80, 80, 80, 53)),
                              self.chance.random() < .05)
        uplink = "up1" if remote is V else "up0"
        return "to_net", out_frame(packet, uplink), uplink, False

    def again(self):
        """A packet that went out, once more; the other end of its ports changes at times."""
        if not self.inside:
            return None
        frame = self.chance.choice(self.inside)
        swapped = swap(frame, self.chance)
        if not swapped:
            return None
        uplink = "up1" if swapped[30:34] == raw(V[4]) or swapped[38:54] == raw(V[6]) else "up0"
        return "to_net", out_frame(swapped[14:], uplink), uplink, False

    def node_out(self):
        """The node's own packet with the address and port of a pod's flow."""
        if not self.outside:
            return None
        return "to_net", out_frame(self.chance.choice(self.outside)[14:]), "up0", False

    def answer(self):
        if not self.outside:
            return None
        swapped = swap(self.chance.choice(self.outside), self.chance)
        return ("from_net", in_frame(swapped[14:]), "up0", False) if swapped else None

    def inbound(self):
        family, pod = self.chance.choice((4, 6)), self.chance.choice(PODS)
        target = self.chance.choice(
            (pod.ip[family], pod.ip[family], pod.ip[family], UNALLOCATED[family], N1[family]))
        source = self.chance.choice((W, W2, C))[family]
        packet = self.between(source, target, self.chance.choice((80, 53, 4000)),
                              self.chance.choice(PORTS),
                              self.chance.random() < .2)
        return "from_net", in_frame(packet), "up0", False

    def inbound_answer(self):
        family, pod = self.chance.choice((4, 6)), self.chance.choice(PODS)
        target = self.chance.choice((W, W2, C))[family]
        packet = self.between(pod.ip[family], target, self.chance.choice(PORTS),
                              self.chance.choice((80, 53, 4000)),
                              self.chance.random() < .5)
        return "to_net", out_frame(packet), "up0", False

    def quote(self, frame):
        packet = frame[14:]
        head = 20 if packet[0] >> 4 == 4 else 40
        return packet[:self.chance.choice((head + 8, head + 8, head + 20, len(packet),
                                           self.chance.randrange(head + 30)))]

    def error_kind(self, family):
        return self.chance.choice(
            {4: ((3, 1), (3, 3), (3, 4), (11, 0), (12, 0)),
             6: ((1, 4), (2, 0), (3, 0), (4, 1))}[family])

    def error_in(self):
        if not self.outside:
            return None
        frame = self.chance.choice(self.outside)
        family = 4 if frame[14] >> 4 == 4 else 6
        target = self.chance.choice((N1, N1, N1, N1, A.ip))[family]
        packet = error(
            self.chance.choice((W, W2))[family], target, *self.error_kind(family),
            self.quote(frame), self.ttl())
        return "from_net", in_frame(packet), "up0", False

    def error_out(self):
        if not self.inside:
            return None
        frame = self.chance.choice(self.inside)
        family = 4 if frame[14] >> 4 == 4 else 6
        pod = self.chance.choice([p for p in PODS if raw(p.ip[family]) in frame[26:58]] or PODS)
        packet = error(pod.ip[family],
                       self.chance.choice((W, W2))[family], *self.error_kind(family),
                       self.quote(frame))
        return "to_net", out_frame(packet), "up0", False

    def error_sent(self):
        """From a pod to any destination, about its own packets and others."""
        frame = self.chance.choice(self.inside * 2 + self.outside + [self.out()[1]])
        family = 4 if frame[14] >> 4 == 4 else 6
        pod = self.chance.choice([p for p in PODS if raw(p.ip[family]) in frame[26:58]] or PODS)
        target = self.chance.choice((A.ip, B.ip, N1, C, W))[family]
        kind, code = self.chance.choice((self.error_kind(family), (4, 0) if family == 4 else (100, 0)))
        return "from_pod", pod_frame(pod, error(pod.ip[family], target, kind, code, self.quote(frame))), pod, False

    def local(self):
        family, pod = self.chance.choice((4, 6)), self.chance.choice(PODS)
        target = self.chance.choice((A.ip, B.ip, D.ip, N1, C, W, UNALLOCATED))[family]
        packet = self.between(pod.ip[family], target, self.chance.choice(PORTS), 80)
        return "from_pod", pod_frame(pod, packet), pod, False

    def strange(self):
        """Invalid sources and destinations."""
        family, pod = self.chance.choice((4, 6)), self.chance.choice(PODS)
        odd = {
            4: ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "169.254.9.9",
                "169.254.1.1", N1[4], N1B[4], *BROADCAST, A.ip[4], UNALLOCATED[4], "10.10.3.3", W[4]),
            6: ("::", "::1", "ff02::1", "fe80::9", N1[6], N1B[6], A.ip[6], UNALLOCATED[6], "fd00:10:0:9::9", W[6])
        }[family]
        src = self.chance.choice((pod.ip[family], self.chance.choice(odd)))
        packet = self.between(src, self.chance.choice(odd), 1000, 80)
        hook = self.chance.choice(("from_pod", "to_net", "from_net"))
        if hook == "from_pod":
            return hook, pod_frame(pod, packet), pod, False
        return hook, (out_frame if hook == "to_net" else in_frame)(packet), "up0", False

    def cut(self, src, dst, sport, dport):
        """A UDP datagram in three pieces, at times shuffled or with one lost."""
        number, payload = l4("udp", src, dst, sport, dport, bytes(60))
        ident = self.chance.randrange(4)
        pieces = [
            ip(src, dst, number, payload[at:at + 24], fragment=(at, at + 24 < len(payload)),
               ident=ident) for at in range(0, len(payload), 24)
        ]
        if self.chance.random() < .2:
            self.chance.shuffle(pieces)
        if self.chance.random() < .2:
            pieces.pop(self.chance.randrange(len(pieces)))
        return pieces

    def fragments(self):
        family, pod = self.chance.choice((4, 6)), self.chance.choice(PODS)
        pieces = self.cut(pod.ip[family],
                          self.chance.choice((W, W2))[family], self.chance.choice(PORTS), 80)
        self.queue += [("to_net", out_frame(p), "up0", False) for p in pieces]
        return self.queue.pop(0)

    def fragments_in(self):
        family = self.chance.choice((4, 6))
        pieces = self.cut(
            self.chance.choice((W, W2))[family], N1[family], 80,
            self.chance.choice(range(49152, 49168)))
        self.queue += [("from_net", in_frame(p), "up0", False) for p in pieces]
        return self.queue.pop(0)

    def mutated(self):
        """One of the others with bits flipped, or cut short."""
        maker = self.chance.choice(
            (self.out, self.answer, self.inbound, self.error_in, self.error_out, self.error_sent,
             self.local))
        event = maker()
        if not event or event[2] == "up1":
            return None
        hook, frame, where, _ = event
        frame = bytearray(frame)
        if self.chance.random() < .3:
            shortest = 34 if frame[12:14] == b"\x08\x00" else 54
            del frame[self.chance.randrange(shortest, len(frame) + 1):]
        else:
            for _ in range(self.chance.choice((1, 1, 2, 5))):
                frame[self.chance.randrange(14, len(frame))] ^= 1 << self.chance.randrange(8)
        frame = bytes(frame)
        if frame[12:14] == b"\x86\xdd" and frame[20] == 58 and len(
                frame) > 54 and 130 <= frame[54] <= 143:
            return None  # neighbour discovery has cases of its own
        return hook, frame, where, True


def swap(frame, chance):
    """The reply to a frame: sides exchanged, so that all sums stay correct; TCP gets random flags."""
    f = bytearray(frame)
    if f[14] >> 4 == 4:
        at, (src, dst) = 14 + 4 * (f[14] & 15), (slice(26, 30), slice(30, 34))
        number = f[23]
        if f[20] & 0x3f or f[21]:
            return None
    else:
        at, (src, dst), number = 54, (slice(22, 38), slice(38, 54)), f[20]
    f[src], f[dst] = f[dst], f[src]
    if number in (TCP, UDP, SCTP):
        f[at:at + 2], f[at + 2:at + 4] = f[at + 2:at + 4], f[at:at + 2]
    elif number in (ICMP, ICMP6):
        turn = {8: 0, 0: 8, 128: 129, 129: 128}
        if f[at] not in turn:
            return None
        old, new = int(f[at]) << 8, turn[f[at]] << 8
        f[at] = turn[f[at]]
        change_sum(f, at + 2, old, new)
    if number == TCP:
        old = f[at + 12] << 8 | f[at + 13]
        f[at + 13] = chance.choice(FLAGS + (ACK, ACK, SYN | ACK, SYN | ACK))
        change_sum(f, at + 16, old, f[at + 12] << 8 | f[at + 13])
    return bytes(f)


def change_sum(f, at, old, new):
    total = (~(f[at] << 8 | f[at + 1]) & 0xffff) + (~old & 0xffff) + new
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    f[at:at + 2] = (~total & 0xffff).to_bytes(2, "big")
