# SPDX-License-Identifier: GPL-2.0-only
"""Cached lookup results of a flow: valid for its next packets, for one tick, and for no other flow."""
import subprocess

from cases import BOTH, case, masquerade
from cases_masq import back
from lab import A, B, C, D, W, pod_mac
from packets import moved, tcp, translated, udp

BITS = {4: 32, 6: 128}


def unnoticed(*command):
    """Changes a route without a tick of the clock."""
    subprocess.run(["ip", "route", *command], check=True)


def ticks(lab):
    lab.tick += 1


@case("cache: one route lookup per tick, IPv{family}", family=BOTH)
def route(lab, family):
    packet, other = udp(A.ip[family], C[family], 1000, 80), udp(A.ip[family], C[family], 1001, 80)
    target = f"{C[family]}/{BITS[family]}"
    lab.from_pod(A, packet).forwarded(packet)
    unnoticed("add", "blackhole", target)
    try:
        for _ in range(2):
            result = lab.from_pod(A, packet)
            assert result.redirects, result.describe()
            result.forwarded(packet)
        lab.from_pod(A, other).passed()
        ticks(lab)
        lab.from_pod(A, packet).passed()
    finally:
        unnoticed("del", "blackhole", target)


@case("cache: another type of service needs its own route lookup")
def type_of_service(lab):
    packet, target = udp(A.ip[4], C[4], 1000, 80), f"{C[4]}/32"
    low_delay = packet.copy()
    low_delay.tos = 0x10
    lab.from_pod(A, packet).forwarded(packet)
    unnoticed("add", "blackhole", target)
    try:
        assert lab.from_pod(A, packet).redirects
        lab.from_pod(A, low_delay).passed()
    finally:
        unnoticed("del", "blackhole", target)


@case("cache: a packet beyond the route's MTU goes to the stack, IPv{family}", family=BOTH)
def too_big(lab, family):
    head = 28 if family == 4 else 48
    small, large = (udp(A.ip[family], C[family], 1, 2, bytes(n - head)) for n in (1500, 1501))
    for _ in range(2):
        assert lab.from_pod(A, small).redirects
        lab.from_pod(A, large).passed()


@case("cache: a deleted pod receives nothing, from a pod or outside, IPv{family}", family=BOTH)
def pod_gone(lab, family):
    lab.remove_route(B)
    local, inbound = udp(A.ip[family], B.ip[family], 1, 2), udp(C[family], B.ip[family], 1, 2)
    for _ in range(2):
        lab.from_pod(A, local).delivered(B, moved(local))
        lab.from_net(inbound).delivered(B, moved(inbound))
    lab.remove_pod(B)
    lab.from_pod(A, local).refused()
    lab.from_net(inbound).dropped()


@case("cache: a successor in slot and address receives packets in the same tick, IPv{family}",
      family=BOTH)
def heir(lab, family):
    packet = udp(A.ip[family], B.ip[family], 1, 2)
    lab.from_pod(A, packet).delivered(B, moved(packet))
    tick = lab.tick
    new = type(B)(**{**vars(B), "generation": 99, "mac": pod_mac(5)})
    lab.put_pod(new)
    lab.tick = tick
    lab.from_pod(A, packet).delivered(new, moved(packet))


@case("cache: a successor in the slot alone receives nothing for the old pod, IPv{family}",
      family=BOTH)
def slot_reused(lab, family):
    lab.remove_route(B)
    local, inbound = udp(A.ip[family], B.ip[family], 1, 2), udp(C[family], B.ip[family], 1, 2)
    lab.from_pod(A, local).delivered(B, moved(local))
    lab.from_net(inbound).delivered(B, moved(inbound))
    tick = lab.tick
    lab.remove_pod(B)
    lab.put_pod(type(D)(**{**vars(D), "generation": 99, "slot": B.slot, "mac": B.mac}))
    lab.tick = tick
    lab.from_pod(A, local).refused()
    lab.from_net(inbound).dropped()


@case("cache: replies to a deleted pod do not reach its successor, IPv{family}", family=BOTH)
def flow_gone(lab, family):
    port = masquerade(lab, udp(A.ip[family], W[family], 1000, 80), family, "udp")
    answer = back("udp", family, port)
    for _ in range(2):
        assert lab.from_net(answer).redirects
    tick = lab.tick
    lab.put_pod(type(A)(**{**vars(A), "generation": 99}))
    lab.tick = tick
    lab.from_net(answer).passed()


@case("cache: entries of egress are not used for ingress, IPv{family}", family=BOTH)
def other_side(lab, family):
    packet = udp(A.ip[family], B.ip[family], 1, 2)
    lab.from_pod(A, packet).delivered(B, moved(packet))
    lab.from_net(packet).dropped()
    inbound = udp(C[family], B.ip[family], 1, 2)
    lab.from_net(inbound).delivered(B, moved(inbound))
    lab.from_pod(A, inbound).dropped()


@case("cache: the sender is still checked, IPv{family}", family=BOTH)
def other_sender(lab, family):
    packet = udp(A.ip[family], C[family], 1, 2)
    assert lab.from_pod(A, packet).redirects
    lab.from_pod(B, packet).dropped()


@case("cache: host ports of a pod take effect at once, IPv{family}", family=BOTH)
def via_stack(lab, family):
    packet = udp(A.ip[family], B.ip[family], 1, 2)
    lab.from_pod(A, packet).delivered(B, moved(packet))
    tick = lab.tick
    lab.put_pod(A, flags=1)
    lab.tick = tick
    lab.from_pod(A, packet).passed()


@case("shaped: packets from a rate-limited pod go to the next filter, IPv{family}",
      family=BOTH)
def shaped_sends(lab, family):
    lab.put_pod(A, flags=2)
    for destination in (B.ip[family], C[family], W[family]):
        result = lab.from_pod(A, udp(A.ip[family], destination, 1, 2))
        result.passed()
        assert result.verdict == 0xffffffff, f"the packet would miss its limiter: {result.verdict}"
    lab.from_pod(A, udp(B.ip[family], W[family], 1, 2)).dropped()


@case("shaped: packets to a rate-limited pod go to its interface, IPv{family}",
      family=BOTH)
def shaped_gets(lab, family):
    packet = udp(B.ip[family], A.ip[family], 1, 2)
    lab.put_pod(A, flags=2)
    lab.from_pod(B, packet).delivered(A, moved(packet))
    packet = udp(C[family], A.ip[family], 1, 2)
    lab.from_net(packet).delivered(A, moved(packet))


@case("cache: one exclusion lookup per tick, IPv{family}", family=BOTH)
def exclusion(lab, family):
    packet = udp(A.ip[family], W[family], 1000, 80)
    lab.put_nomasq(W[family], BITS[family], "NOMASQ_AGENT")
    lab.to_net(packet).passed()
    lab.to_net(packet).passed()
    tick = lab.tick
    lab.take("pp_nomasq", dict(length=128, addr=W[family]))
    lab.tick = tick
    lab.to_net(packet).passed()
    ticks(lab)
    masquerade(lab, packet, family, "udp")


@case("cache: packets of a deleted pod do not leave, {how}, IPv{family}", family=BOTH,
      how=("native", "masqueraded"))
def leaver_gone(lab, family, how):
    packet = udp(A.ip[family], (C if how == "native" else W)[family], 1000, 80)
    for _ in range(2):
        assert lab.to_net(packet).passes
    lab.remove_pod(A)
    lab.to_net(packet).dropped()


@case("cache: the SYN of a native connection is recorded, IPv{family}", family=BOTH)
def kept(lab, family):
    lab.to_net(tcp(A.ip[family], C[family], 1000, 80, "A")).passed()
    lab.to_net(tcp(A.ip[family], C[family], 1000, 80, "S")).passed()
    assert len(lab.maps["pp_native_conns"]) == 1


@case("cache: the SYN of an inbound connection is recorded, even after other packets, IPv{family}", family=BOTH)
def inbound(lab, family):
    for flags in "A", "S":
        packet = tcp(W[family], B.ip[family], 1000, 80, flags)
        lab.from_net(packet).delivered(B, moved(packet))
    assert len(lab.maps["pp_inbound"]) == 1
    lab.to_net(tcp(B.ip[family], W[family], 80, 1000, "SA")).passed()


@case("cache: more flows than entries do not collide, IPv{family}", complete=False, family=BOTH)
def places(lab, family):
    ports = {}
    for _ in range(2):
        for sport in range(2000, 2280):
            packet = udp(A.ip[family], W[family], sport, 80)
            port = masquerade(lab, packet, family, "udp")
            assert ports.setdefault(sport, port) == port
    assert len(set(ports.values())) == len(ports)
    for sport, port in ports.items():
        answer = back("udp", family, port)
        lab.from_net(answer).delivered(A, moved(translated(answer, dst=A.ip[family], dport=sport)))
    for number in range(280):
        to = (B, D)[number % 2]
        packet = udp(A.ip[family], to.ip[family], 80, number)
        lab.from_pod(A, packet).delivered(to, moved(packet))
