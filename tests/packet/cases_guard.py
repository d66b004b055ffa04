# SPDX-License-Identifier: GPL-2.0-only
"""Packets that uplinks refuse, by XDP and tc alike; frames truncated at every length."""
import random

from cases import BOTH, case
from lab import (A, B, C, D, DROP, HOST_MAC, MACS, N1, PASS, ROUTER_MAC, UNALLOCATED, W, XDP_DROP,
                 XDP_PASS, address_of)
from packets import (ARP, Dot1Q, Ether, ICMPv6Unknown, IPOption, IPv6ExtHdrDestOpt,
                     IPv6ExtHdrFragment, Raw, UDP, echo, error, ip, l4, middle, sctp, tcp, udp)

BOGONS = {
    4: ("0.0.0.0", "0.9.9.9", "127.0.0.1", "224.0.0.5", "239.9.9.9", "255.255.255.255"),
    6: ("::1", "ff02::1", "ff0e::7")
}
SPOOFED = {
    4: (A.ip[4], B.ip[4], D.ip[4], UNALLOCATED[4], "10.10.0.0", "10.10.0.31"),
    6: (A.ip[6], B.ip[6], D.ip[6], UNALLOCATED[6], "fd00:10::", "fd00:10::1f")
}


def frame_of(packet, *tags):
    head = Ether(src=ROUTER_MAC, dst=MACS["up0"])
    for tag in tags:
        head = head / tag
    return bytes(head / packet)


def both(lab, packet):
    """(dropped by XDP, dropped by tc) of one frame."""
    frame = frame_of(packet)
    guard, tc = lab.guard(frame), lab.run("pp_from_net", frame, "up0")
    assert guard.verdict in (XDP_DROP, XDP_PASS), f"XDP verdict {guard.verdict}"
    assert guard.frame == frame, "XDP changed the frame"
    return guard.verdict == XDP_DROP, tc.drops


@case("guard: source {index} of local blocks is dropped, {protocol}, IPv{family}", family=BOTH,
      protocol=("tcp", "udp"), index=range(6))
def spoofed(lab, family, protocol, index):
    for target in (A.ip[family], N1[family], W[family], C[family]):
        packet = middle(protocol, SPOOFED[family][index], target, 1, 2)
        assert both(lab, packet) == (True, True)


@case("guard: bogon sources are dropped, {protocol}, IPv{family}", family=BOTH,
      protocol=("tcp", "udp"))
def bogon(lab, family, protocol):
    for source in BOGONS[family]:
        for target in (A.ip[family], N1[family]):
            packet = middle(protocol, source, target, 1, 2)
            assert both(lab, packet) == (True, True), f"{source} to {target}"


@case("guard: private and other nodes' sources pass, {protocol}, IPv{family}", family=BOTH,
      protocol=("tcp", "udp"))
def private(lab, family, protocol):
    sources = {
        4: ("192.168.1.1", "10.10.1.5", "10.99.0.1", "172.16.0.1", "100.64.0.1"),
        6: ("fd00:99::1", "fd00:10:0:1::5", "2001:db8::1")
    }[family]
    for source in sources:
        for target in (A.ip[family], N1[family]):
            packet = middle(protocol, source, target, 1, 2)
            assert both(lab, packet) == (False, False), f"{source} to {target}"


@case("guard: an unallocated address of this node, IPv{family}", family=BOTH)
def unallocated(lab, family):
    targets = {
        4: ("10.10.0.9", "10.10.0.30", "10.20.0.6"), 6: ("fd00:10::9", "fd00:10::1e", "fd00:20::6")
    }[family]
    for target in targets:
        assert both(lab, udp(W[family], target, 1, 2)) == (True, True), target
    for pod in (A, B, D):
        assert both(lab, udp(W[family], pod.ip[family], 1, 2)) == (False, False)


@case("guard: the first and last address of a block, IPv{family}", family=BOTH)
def edges(lab, family):
    for target in {4: ("10.10.0.0", "10.10.0.31"), 6: ("fd00:10::", "fd00:10::1f")}[family]:
        dropped = both(lab, udp(W[family], target, 1, 2))
        assert dropped[0] == dropped[1], f"{target}: XDP and tc differ"


@case("guard: addresses of a large block in every chunk and word, IPv{family}", family=BOTH,
      complete=False)
def large_block(lab, family):
    base, length = {4: ("10.30.0.0", 16), 6: ("fd00:30::", 112)}[family]
    lab.put_cidr(base, length, kind="CIDR_LOCAL", pool=1, block=31)
    lab.maps["pp_blocks"][31] = dict(
        pool=1, family="FAMILY_IPV6" if family == 6 else "FAMILY_IPV4", state="BLOCK_ACTIVE",
        prefix=dict(addr=base,
                    length=length + (96 if family == 4 else 0)), size=65536, low=1, high=65535)
    lab.put_range(base, length)
    taken = random.Random(5).sample(range(1, 65535), 300) + [1, 63, 64, 511, 512, 65534]
    words = {}
    for number in taken:
        chunk = words.setdefault(number // 512, [0] * 8)
        chunk[number // 64 % 8] |= 1 << number % 64
    for chunk, value in words.items():
        lab.maps["pp_ips"][dict(block=31, chunk=chunk)] = dict(word=value)
    for number in taken:
        for near in (number - 1, number, number + 1):
            if 0 < near < 65535:
                verdict = lab.guard(frame_of(udp(W[family], address_of(base, near), 1, 2))).verdict
                assert (verdict == XDP_PASS) == (
                    near in taken), f"{address_of(base, near)}: verdict {verdict}"


@case("guard: TTL {ttl} and fragments pass to the stack, IPv{family}", family=BOTH,
      ttl=(0, 1))
def ttl(lab, family, ttl):
    assert both(lab, udp(W[family], UNALLOCATED[family], 1, 2, ttl=ttl))[0] in (False, True)
    assert both(lab, udp(W[family], A.ip[family], 1, 2, ttl=ttl)) == (False, False)
    piece = udp(W[family], A.ip[family], 1, 2, flags="MF") if family == 4 else \
        ip(W[6], A.ip[6]) / IPv6ExtHdrFragment(nh=17, m=1) / Raw(bytes(16))
    assert both(lab, piece) == (False, False)


@case("guard: three tags, ARP, unknown types and link traffic pass", complete=False)
def passes(lab):
    tags = [Dot1Q(vlan=v) for v in (5, 6, 7)]
    assert lab.guard(frame_of(udp(A.ip[4], N1[4], 1, 2), *tags)).verdict == XDP_PASS
    for packet in (ARP(psrc="192.0.2.1", pdst=N1[4],
                       hwsrc=ROUTER_MAC), ARP(psrc=A.ip[4], pdst=N1[4], hwsrc=ROUTER_MAC),
                   ip("fe80::1", "ff02::1", 255) / ICMPv6Unknown(type=134, msgbody=bytes(12)),
                   ip("::", "ff02::1:ff00:10", 255) / ICMPv6Unknown(type=135, msgbody=bytes(20)),
                   udp("192.0.2.1", "224.0.0.5", 1, 2)):
        assert both(lab, packet) == (False, False), packet.summary()
    for kind in (0x88cc, 0x8847, 0x0027):
        frame = bytes(Ether(src=ROUTER_MAC, dst=MACS["up0"], type=kind) / Raw(bytes(46)))
        assert lab.guard(frame).verdict == XDP_PASS


@case("guard: DHCP answers reach the node (source 0.0.0.0 does not)", complete=False)
def dhcp(lab):
    assert both(lab, udp("192.0.2.1", "255.255.255.255", 67, 68)) == (False, False)


@case("guard: XDP and tc agree on random packets, seed {seed}", seed=range(4), complete=False)
def equivalent(lab, seed):
    chance = random.Random(seed)
    for _ in range(200):
        packet = random_packet(chance)
        dropped = both(lab, packet)
        if dropped[0]:
            assert dropped[1], f"XDP drops, tc does not: {packet.summary()}"
        elif dropped[1] and not unusual(packet):
            raise AssertionError(f"tc drops, XDP does not: {packet.summary()}")


def unusual(packet):
    """Packets that XDP leaves to tc: expired TTL, and IPv4 options."""
    return packet.hlim <= 1 if "IPv6" in packet else packet.ttl <= 1 or bool(packet.options)


def random_packet(chance):
    family = chance.choice((4, 6))
    pool = (list(SPOOFED[family]) + list(BOGONS[family]) +
            [W[family], C[family], N1[family], UNALLOCATED[family]] * 3)
    source, target = chance.choice(pool), chance.choice(pool)
    fields = {"ttl": chance.choice((0, 1, 2, 64, 255))}
    if family == 4 and chance.random() < .2:
        fields["options"] = [IPOption(b"\x01" * 4)] * chance.randrange(1, 10)
    packet = l4(chance.choice(("tcp", "udp", "echo", "sctp", "gre")), source, target,
                chance.randrange(65536), chance.randrange(65536), **fields)
    return packet


SHORTEST = {4: 34, 6: 54}  # the kernel refuses to run a tc program on less

FRAMES = {
    "TCP": lambda f: tcp(A.ip[f], W[f], 50000, 80, data=b"x" * 80),
    "UDP": lambda f: udp(A.ip[f], W[f], 50000, 80, data=b"x" * 80),
    "echo": lambda f: echo(A.ip[f], W[f], 5, data=b"x" * 80),
    "SCTP": lambda f: sctp(A.ip[f], W[f], 50000, 80, data=b"x" * 80),
    "options": lambda f: udp(A.ip[4], W[4], 50000, 80, b"x" * 80, options=[IPOption(b"\x01" * 4)] *
                             5)
    if f == 4 else ip(A.ip[6], W[6]) / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / UDP(
        sport=50000, dport=80) / Raw(b"x" * 50),
    "error": lambda f: error(A.ip[f], W[f], 3
                             if f == 4 else 1, 3, udp(W[f], A.ip[f], 80, 50000, b"x" * 60)),
}


@case("cut: {what} truncated at every length from 14 to 128, IPv{family}", family=BOTH, what=FRAMES)
def cut_out(lab, family, what):
    whole = bytes(Ether(src=MACS["up0"], dst=ROUTER_MAC) / FRAMES[what](family))
    source = slice(26, 30) if family == 4 else slice(22, 38)
    for size in range(14, min(len(whole), 128)):
        cut = whole[:size]
        assert lab.guard(cut).verdict in (XDP_PASS, XDP_DROP)
        if size < SHORTEST[family]:
            continue
        results = [lab.run("pp_to_net", cut, "up0")]
        results.append(
            lab.run("pp_from_pod",
                    bytes.fromhex((HOST_MAC + A.mac).replace(":", "")) + cut[12:], A.interface))
        results.append(lab.run("pp_from_net", cut, "up0"))
        for result in results:
            assert len(result.frame) == size, f"{size} bytes became {len(result.frame)}"
            assert not result.redirects, f"{size} bytes of {len(whole)}: {result.describe()}"
        if size >= source.stop:
            leaks = results[0].verdict in PASS and results[0].frame[source] == whole[source]
            assert not leaks, f"{size} bytes of {len(whole)} leave with the pod's address"


@case("cut: the length field shorter than the frame (padding), IPv{family}", family=BOTH)
def padded(lab, family):
    packet = udp(A.ip[family], W[family], 50000, 80, b"")
    frame = bytes(Ether(src=MACS["up0"], dst=ROUTER_MAC) / packet)
    for padding in (1, 4, 18):
        result = lab.run("pp_to_net", frame + bytes(range(1, padding + 1)), "up0")
        bare = lab.to_net(packet)
        assert result.passes and result.frame == bare.frame + bytes(range(
            1, padding + 1)), result.describe()


@case("cut: random bytes in every hook, seed {seed}", seed=range(4), complete=False)
def noise(lab, seed):
    chance = random.Random(seed)
    for _ in range(200):
        ethertype = chance.choice(
            (b"\x08\x00", b"\x86\xdd", b"\x08\x06", b"\x81\x00", chance.randbytes(2)))
        frame = bytes.fromhex((HOST_MAC + A.mac).replace(":", "")) + ethertype + \
            chance.randbytes(chance.randrange(40, 150))
        for program in ("pp_from_pod", "pp_to_net", "pp_from_net"):
            result = lab.run(program, frame, A.interface if program == "pp_from_pod" else "up0")
            assert result.passes or result.drops, f"{program}: {result.describe()}"
            assert result.frame == frame, f"{program} changed noise"
        assert lab.guard(frame).verdict in (XDP_PASS, XDP_DROP)


@case("cut: bits flipped, seed {seed}", seed=range(6), complete=False)
def flipped(lab, seed):
    """A pod's address never leaves to the world by a known protocol."""
    chance = random.Random(seed)
    base = [
        bytes(Ether(src=MACS["up0"], dst=ROUTER_MAC) / make(f)) for make in FRAMES.values()
        for f in BOTH
    ]
    for _ in range(200):
        frame = bytearray(chance.choice(base))
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(12, len(frame))
            frame[at] ^= 1 << chance.randrange(8)
        frame = bytes(frame)
        result = lab.run("pp_to_net", frame, "up0")
        assert result.passes or result.verdict == DROP, result.describe()
        if result.passes and result.frame == frame:
            assert not leaked(frame), "leaves untouched: " + result.describe() + "\n   " + frame.hex()


def leaked(frame):
    """A frame to the world with the address of one of this node's pods."""
    if frame[12:14] == b"\x08\x00":
        source, target = frame[26:30], frame[30:34]
        return source[:3] in (b"\x0a\x0a\x00",
                              b"\x0a\x14\x00") and source[3] < 32 and target[:2] == b"\xcb\x00"
    if frame[12:14] == b"\x86\xdd":
        source, target = frame[22:38], frame[38:54]
        ours = (bytes.fromhex("fd000010") + bytes(11), bytes.fromhex("fd000020") + bytes(11))
        return source[:15] in ours and source[15] < 32 and target[:4] == bytes.fromhex("20010db8") and \
            target[4:6] != b"\x00\x0f" and target[4:6] != b"\x00\x0e"
    return False
