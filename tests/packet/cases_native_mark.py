# SPDX-License-Identifier: GPL-2.0-only
"""Native marks, which pp_from_pod sets for pp_to_net (bpf/native_mark.bpf.h)."""
from cases import BOTH, case, masquerade
from cases_cache import BITS
from lab import A, B, C, N1, W, address_of
from packets import echo, error, moved, tcp, udp

NONE = (0, 0)


def sent(lab, packet, pod=A):
    """The control block with which the packet leaves pp_from_pod, which forwards it."""
    result = lab.from_pod(pod, packet)
    result.forwarded(packet)
    return result.cb


def marked(lab, packet):
    """The same once its flow is cached as native."""
    assert sent(lab, packet) == NONE
    lab.to_net(moved(packet)).passed()
    mark = sent(lab, packet)
    assert mark != NONE
    return mark


def unreachable(source, destination, about):
    kind, code = (1, 3) if ":" in source else (3, 1)
    return error(source, destination, kind, code, about)


@case("native mark: on the second packet of a flow that keeps its address, IPv{family}", family=BOTH)
def second(lab, family):
    packet = udp(A.ip[family], C[family], 1000, 80)
    mark, before = marked(lab, packet), lab.counted("out_native")
    lab.to_net(moved(packet), cb=mark).passed()
    assert lab.counted("out_native") == before + 1


@case("native mark: pp_to_net reads no map, IPv{family}", family=BOTH)
def trusted(lab, family):
    packet = udp(A.ip[family], W[family], 1000, 80)
    lab.put_nomasq(W[family], BITS[family], "NOMASQ_AGENT")
    mark = marked(lab, packet)
    lab.take("pp_nomasq", dict(length=128, addr=W[family]))
    lab.to_net(moved(packet), cb=mark).passed()
    masquerade(lab, packet, family, "udp")


def ignored(lab, packet, mark):
    """Masqueraded as without a mark."""
    result = lab.to_net(moved(packet), cb=mark)
    assert result.passes and result.frame != result.sent, result.describe()


@case("native mark: only complete and for these addresses, IPv{family}", family=BOTH)
def bound(lab, family):
    packet = udp(A.ip[family], W[family], 1000, 80)
    lab.put_nomasq(W[family], BITS[family], "NOMASQ_AGENT")
    low, high = marked(lab, packet)
    lab.take("pp_nomasq", dict(length=128, addr=W[family]))
    for mark in (low, 0), (0, high), (low ^ 1, high), (low, high ^ 1), (1, 1):
        ignored(lab, packet, mark)
    ignored(lab, udp(B.ip[family], W[family], 1000, 80), (low, high))
    ignored(lab, udp(A.ip[family], address_of(W[family], 1), 1000, 80), (low, high))


@case("native mark: not on a masqueraded flow's packets, IPv{family}", family=BOTH)
def masqueraded(lab, family):
    packet = udp(A.ip[family], W[family], 1000, 80)
    masquerade(lab, packet, family, "udp")
    (_, flow), = lab.maps["pp_flow_fwd"].items()
    # pod and next flow may have the same generation by accident
    generation = flow["generation"] + 1
    lab.put_pod(type(A)(**{**vars(A), "generation": generation}))
    for _ in range(3):
        assert sent(lab, packet) == NONE
        masquerade(lab, packet, family, "udp")
    (_, flow), = lab.maps["pp_flow_fwd"].items()
    assert flow["generation"] == generation


@case("native mark: not on a SYN, which must be recorded, nor on its reply, IPv{family}", family=BOTH)
def syn(lab, family):
    marked(lab, tcp(A.ip[family], C[family], 1000, 80, "A"))
    for flags in "S", "SA":
        assert sent(lab, tcp(A.ip[family], C[family], 1000, 80, flags)) == NONE
    for flags in "A", "PA", "FA", "R":
        assert sent(lab, tcp(A.ip[family], C[family], 1000, 80, flags)) != NONE


@case("native mark: on echo requests, not on errors with their key, IPv{family}", family=BOTH)
def echoes(lab, family):
    marked(lab, echo(A.ip[family], C[family], 0))
    about = udp(C[family], A.ip[family], 1, 2)
    assert sent(lab, unreachable(A.ip[family], C[family], about)) == NONE


@case("native mark: none after a tick of the clock, IPv{family}", family=BOTH)
def tick(lab, family):
    packet = udp(A.ip[family], C[family], 1000, 80)
    marked(lab, packet)
    lab.tick += 1
    assert sent(lab, packet) == NONE


@case("native mark: not for the successor of the flow's pod, IPv{family}", family=BOTH)
def heir(lab, family):
    packet = udp(A.ip[family], C[family], 1000, 80)
    marked(lab, packet)
    tick_before = lab.tick
    lab.put_pod(type(A)(**{**vars(A), "generation": 99}))
    lab.tick = tick_before
    assert sent(lab, packet) == NONE


@case("native mark: disabled without a secret, IPv{family}", lab="dense",
      family=BOTH)
def off(lab, family):
    packet = udp(A.ip[family], C[family], 1000, 80)
    for _ in range(3):
        assert sent(lab, packet) == NONE
        lab.to_net(moved(packet)).passed()


@case("native mark: without tail call targets, packets without a mark do not leave, IPv{family}", family=BOTH)
def no_calls(lab, family):
    packet = udp(A.ip[family], C[family], 1000, 80)
    mark = marked(lab, packet)
    inbound = udp(C[family], B.ip[family], 1, 2)
    calls = lab.maps["pp_calls"]
    programs = {0: "pp_masquerade", 1: "pp_masquerade_slow", 2: "pp_from_net_slow"}
    calls.clear()
    try:
        lab.to_net(moved(packet), cb=mark).passed()
        lab.to_net(moved(packet)).dropped()
        lab.from_net(inbound).delivered(B, moved(inbound))
        lab.from_net(unreachable(W[family], N1[family], udp(N1[family], W[family], 1, 2))).passed()
    finally:
        for slot, name in programs.items():
            calls[slot] = lab.bpf.programs[name].fd.to_bytes(4, "little")
    lab.to_net(moved(packet)).passed()
