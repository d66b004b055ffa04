# SPDX-License-Identifier: GPL-2.0-only
"""Flows over time: timeouts, TCP states, exhaustion of table and ports, inbound connections."""
from cases import BOTH, case, masquerade, port_of
from cases_masq import PORTED, back, native
from lab import A, B, D, N1, W, W2
from packets import PROTOCOLS, echo, l4, moved, reply, tcp, translated, udp

SMALL_PORTS, SMALL_FLOWS = 16, 64


def alive(lab, family, protocol, port):
    """Whether a reply still reaches A's port 50000."""
    answer = back(protocol, family, port)
    result = lab.from_net(answer)
    if result.redirects:
        result.delivered(A, native(answer, A, family, 50000))
        return True
    result.passed()
    return False


def start(lab, family, protocol):
    return masquerade(lab, l4(protocol, A.ip[family], W[family], 50000, 80), family, protocol)


@case("timeout: unanswered {limits} seconds, IPv{family}", family=BOTH,
      limits=(("udp", 30), ("tcp", 60), ("echo", 60), ("sctp", 60), ("gre", 60)))
def unanswered(lab, family, limits):
    protocol, seconds = limits
    port = start(lab, family, protocol)
    lab.advance(seconds + 2)
    assert not alive(lab, family, protocol, port), f"alive after {seconds + 2} s"
    lab.reset()
    port = start(lab, family, protocol)
    lab.advance(seconds - 1)
    assert alive(lab, family, protocol, port), f"dead after {seconds - 1} s"


@case(
    "timeout: packets every 20 s for 10 minutes keep the port, {protocol} IPv{family}",
    family=BOTH, protocol=PORTED)
def one_way(lab, family, protocol):
    ports = set()
    for _ in range(30):
        ports.add(start(lab, family, protocol))
        lab.advance(20)
    assert len(ports) == 1, f"ports {ports}"


@case("timeout: one UDP exchange lives 30 s after its last packet, IPv{family}", family=BOTH)
def udp_exchange(lab, family):
    port = start(lab, family, "udp")
    lab.advance(1)
    assert alive(lab, family, "udp", port)
    assert start(lab, family, "udp") == port
    lab.advance(29)
    assert alive(lab, family, "udp", port)
    lab.advance(32)
    assert not alive(lab, family, "udp", port)


@case("timeout: a UDP stream, active after 2 s, lives 180 s, IPv{family}", family=BOTH)
def udp_stream(lab, family):
    port = start(lab, family, "udp")
    assert alive(lab, family, "udp", port)
    lab.advance(3)
    assert start(lab, family, "udp") == port
    lab.advance(179)
    assert alive(lab, family, "udp", port)
    lab.advance(182)
    assert not alive(lab, family, "udp", port)


@case("timeout: packets from outside alone do not make a UDP stream, IPv{family}", family=BOTH)
def udp_outside(lab, family):
    port = start(lab, family, "udp")
    for _ in range(20):
        assert alive(lab, family, "udp", port)
        lab.advance(5)
    lab.advance(28)
    assert not alive(lab, family, "udp", port)


def handshake(lab, family):
    """A's connection from port 50000 to W, established; returns the port outside."""
    port = start(lab, family, "tcp")
    from_world(lab, family, port, "SA")
    from_pod(lab, family, "A")
    return port


def from_world(lab, family, port, flags):
    answer = tcp(W[family], N1[family], 80, port, flags)
    lab.from_net(answer).delivered(A, native(answer, A, family, 50000))


def from_pod(lab, family, flags):
    return masquerade(lab, tcp(A.ip[family], W[family], 50000, 80, flags), family, "tcp")


@case("tcp: an established connection lives 7440 s, IPv{family}", family=BOTH)
def established(lab, family):
    port = handshake(lab, family)
    lab.advance(3600)
    assert alive(lab, family, "tcp", port)
    lab.advance(7439)
    assert alive(lab, family, "tcp", port)
    lab.advance(7442)
    assert not alive(lab, family, "tcp", port)


@case("tcp: a closed connection outlives TIME_WAIT at the other end, IPv{family}", family=BOTH)
def fin_both(lab, family):
    port = handshake(lab, family)
    from_pod(lab, family, "FA")
    from_world(lab, family, port, "FA")
    from_pod(lab, family, "A")
    lab.advance(64)
    assert alive(lab, family, "tcp", port)
    lab.advance(90)
    assert not alive(lab, family, "tcp", port)


@case("tcp: a FIN from one side does not close, IPv{family}", family=BOTH)
def fin_one(lab, family):
    port = handshake(lab, family)
    from_pod(lab, family, "FA")
    lab.advance(3600)
    from_world(lab, family, port, "A")
    lab.advance(3600)
    from_world(lab, family, port, "FA")
    lab.advance(9)
    from_pod(lab, family, "A")


@case("tcp: a RST of the pod reduces the timeout to 10 to 30 s, IPv{family}", family=BOTH)
def reset(lab, family):
    port = handshake(lab, family)
    from_pod(lab, family, "R")
    lab.advance(9)
    assert alive(lab, family, "tcp", port)
    lab.advance(32)
    assert not alive(lab, family, "tcp", port)


@case("tcp: a RST from outside ends an idle connection after 4 minutes (RFC 7857), IPv{family}",
      family=BOTH)
def outside_reset(lab, family):
    port = handshake(lab, family)
    from_world(lab, family, port, "R")
    lab.advance(239)
    assert alive(lab, family, "tcp", port)
    lab.advance(242)
    assert not alive(lab, family, "tcp", port)


@case("tcp: a RST from outside is ignored if the pod continues, IPv{family}", family=BOTH)
def blind_reset(lab, family):
    port = handshake(lab, family)
    from_world(lab, family, port, "R")
    assert from_pod(lab, family, "A") == port
    lab.advance(3600)
    assert alive(lab, family, "tcp", port)


@case("tcp: a RST with an invalid checksum is ignored, IPv{family}", family=BOTH, complete=False)
def wrong_reset(lab, family):
    port = handshake(lab, family)
    packet = tcp(W[family], N1[family], 80, port, "R")
    packet["TCP"].chksum = 1
    lab.from_net(packet)
    lab.advance(200)
    assert alive(lab, family, "tcp", port)


@case("tcp: a RST to a SYN leaves time for a real reply, IPv{family}", family=BOTH)
def early_reset(lab, family):
    port = start(lab, family, "tcp")
    from_world(lab, family, port, "RA")
    lab.advance(5)
    from_world(lab, family, port, "SA")
    from_pod(lab, family, "A")
    lab.advance(3600)
    assert alive(lab, family, "tcp", port)


@case("tcp: a RST from outside after the pod's FIN closes, IPv{family}", family=BOTH)
def closed_reset(lab, family):
    port = handshake(lab, family)
    from_pod(lab, family, "FA")
    from_world(lab, family, port, "R")
    lab.advance(64)
    assert alive(lab, family, "tcp", port)
    lab.advance(75)
    assert not alive(lab, family, "tcp", port)


@case("tcp: a SYN restarts a flow that outside has reset, IPv{family}", family=BOTH)
def reopened_reset(lab, family):
    port = handshake(lab, family)
    from_world(lab, family, port, "R")
    lab.advance(5)
    assert start(lab, family, "tcp") == port
    lab.advance(62)
    assert not alive(lab, family, "tcp", port)


@case("tcp: a refused connection (RST to a SYN) ends soon, IPv{family}", family=BOTH)
def refused(lab, family):
    port = start(lab, family, "tcp")
    from_world(lab, family, port, "RA")
    lab.advance(32)
    assert not alive(lab, family, "tcp", port)


@case("tcp: SYN retransmitted is one flow, IPv{family}", family=BOTH)
def retransmitted(lab, family):
    ports = set()
    for delay in (1, 2, 4, 8, 16, 32):
        ports.add(start(lab, family, "tcp"))
        lab.advance(delay)
    assert len(ports) == 1 and len(lab.maps["pp_flow_rev"]) == 1


@case("tcp: a SYN restarts a closing flow, IPv{family}", family=BOTH)
def reopened(lab, family):
    port = handshake(lab, family)
    from_pod(lab, family, "FA")
    from_world(lab, family, port, "FA")
    from_pod(lab, family, "A")
    port = handshake(lab, family)
    lab.advance(3600)
    assert alive(lab, family, "tcp", port)


@case("tcp: simultaneous open, IPv{family}", family=BOTH)
def simultaneous(lab, family):
    port = start(lab, family, "tcp")
    from_world(lab, family, port, "S")
    from_pod(lab, family, "SA")
    from_world(lab, family, port, "SA")
    from_pod(lab, family, "A")
    lab.advance(3600)
    assert alive(lab, family, "tcp", port)


@case("clock: flows live across {border:#x}, IPv{family}", family=BOTH,
      border=(1 << 16, 1 << 24, 1 << 31))
def borders(lab, family, border):
    lab.set_clock(border - 10)
    port = start(lab, family, "udp")
    assert alive(lab, family, "udp", port)
    lab.advance(20)
    assert start(lab, family, "udp") == port
    lab.advance(100)
    assert alive(lab, family, "udp", port)
    lab.advance(182)
    assert not alive(lab, family, "udp", port)


@case("exhausted: one of few free ports is found, {state} flows stay, IPv{family}", family=BOTH,
      state=("living", "closing"), lab="dense", complete=False)
def few_free(lab, family, state):
    """290 of 300 ports are taken: a search that stops early would drop, or evict a closing flow."""
    ports = []
    for i in range(290):
        ports.append(masquerade(lab, tcp(A.ip[family], W[family], 1000 + i, 80, "S"), family, "tcp"))
        if state == "closing":
            lab.from_net(tcp(W[family], N1[family], 80, ports[-1], "SA"))
            lab.to_net(tcp(A.ip[family], W[family], 1000 + i, 80, "FA"))
            lab.from_net(tcp(W[family], N1[family], 80, ports[-1], "FA"))
    assert len(set(ports)) == 290
    assert lab.counted("flow_evicted") == lab.counted("no_port") == 0


@case("exhausted: finished flows lose their port first, {how}, IPv{family}", family=BOTH,
      lab="small", how=("reset", "closed", "expired", "pod gone"))
def freed(lab, family, how):
    protocol = "udp" if how == "expired" else "tcp"
    pods = [B] + [A] * (SMALL_PORTS - 1)
    ports = [
        masquerade(lab, l4(protocol, p.ip[family], W[family], 1000 + i, 80), family, protocol)
        for i, p in enumerate(pods)
    ]
    late = l4(protocol, A.ip[family], W[family], 2000, 80)
    if how == "pod gone":
        lab.remove_pod(B)
    elif how == "reset":
        masquerade(lab, tcp(B.ip[family], W[family], 1000, 80, "R"), family, "tcp")
    elif how == "closed":
        assert lab.from_net(tcp(W[family], N1[family], 80, ports[0], "SA")).redirects
        masquerade(lab, tcp(B.ip[family], W[family], 1000, 80, "FA"), family, "tcp")
        assert lab.from_net(tcp(W[family], N1[family], 80, ports[0], "FA")).redirects
    else:
        lab.advance(20)
        for i in range(1, SMALL_PORTS):
            masquerade(lab, l4(protocol, A.ip[family], W[family], 1000 + i, 80), family, protocol)
        lab.advance(12)
    assert masquerade(lab, late, family, protocol) == ports[0]
    assert lab.counted("flow_displaced") == 0
    lab.from_net(l4(protocol, W[family], N1[family], 80, ports[0], answer=True)).redirects


@case("exhausted: the oldest closing flow loses its port, IPv{family}", family=BOTH, lab="small")
def oldest_closing_port(lab, family):
    """The other end has most likely forgotten its connection."""
    ports = []
    for i in range(SMALL_PORTS):
        ports.append(masquerade(lab, tcp(A.ip[family], W[family], 1000 + i, 80, "S"), family, "tcp"))
        assert lab.from_net(tcp(W[family], N1[family], 80, ports[-1], "SA")).redirects
    for i in (*range(4, SMALL_PORTS), *range(4)):
        lab.advance(1)
        masquerade(lab, tcp(A.ip[family], W[family], 1000 + i, 80, "FA"), family, "tcp")
        assert lab.from_net(tcp(W[family], N1[family], 80, ports[i], "FA")).redirects
    assert masquerade(lab, tcp(A.ip[family], W[family], 2000, 80, "S"), family, "tcp") == ports[4]
    lab.advance(50)
    assert masquerade(lab, tcp(A.ip[family], W[family], 2001, 80, "S"), family, "tcp") == ports[5]


@case("exhausted: a full table evicts closed flows, IPv{family}", family=BOTH, lab="small")
def closing_gives_way(lab, family):
    """All but the oldest and the newest have ended."""
    for i in range(SMALL_FLOWS):
        remote = f"203.0.113.{i + 1}" if family == 4 else f"2001:db8:2::{i + 1:x}"
        port = masquerade(lab, tcp(A.ip[family], remote, 1000, 80, "S"), family, "tcp")
        assert lab.from_net(tcp(remote, N1[family], 80, port, "SA")).redirects
        if 0 < i < SMALL_FLOWS - 1:
            masquerade(lab, tcp(A.ip[family], remote, 1000, 80, "RA"), family, "tcp")
    before = lab.counted("flow_evicted")
    for i in range(SMALL_FLOWS - 2):
        masquerade(lab, tcp(A.ip[family], W[family], 2000 + i, 8000 + i, "S"), family, "tcp")
    assert lab.counted("flow_evicted") == before + SMALL_FLOWS - 2
    assert lab.counted("flow_displaced") == lab.counted("table_full") == 0
    for i in (1, SMALL_FLOWS):
        remote = f"203.0.113.{i}" if family == 4 else f"2001:db8:2::{i:x}"
        masquerade(lab, tcp(A.ip[family], remote, 1000, 80, "A"), family, "tcp")


@case("exhausted: hundreds of short flows through a small table, IPv{family}", family=BOTH,
      lab="small", complete=False)
def churn(lab, family):
    for i in range(400):
        packet = udp(A.ip[family], W[family], 1024 + i, 80)
        masquerade(lab, packet, family, "udp")
        lab.advance(3)


@case("inbound: replies to {protocol} from outside keep the pod's address, IPv{family}",
      family=BOTH, protocol=PORTED)
def inbound(lab, family, protocol):
    for _ in range(2):
        request = l4(protocol, W[family], A.ip[family], 4000, 80)
        lab.from_net(request).delivered(A, moved(request))
        answer = l4(protocol, A.ip[family], W[family], 80, 4000, answer=True)
        lab.to_net(answer).passed()
    assert len(lab.maps["pp_flow_rev"]) == 0


@case("inbound: a connection of one host does not permit another, IPv{family}", family=BOTH)
def inbound_exact(lab, family):
    lab.from_net(udp(W[family], A.ip[family], 4000, 80)).redirects
    for packet in (udp(A.ip[family], W2[family], 80,
                       4000), udp(A.ip[family], W[family], 80,
                                  4001), udp(A.ip[family], W[family], 81, 4000)):
        masquerade(lab, packet, family, "udp")
    lab.to_net(udp(B.ip[family], W[family], 80, 4000)).passes
    masquerade(lab, udp(B.ip[family], W[family], 80, 4000), family, "udp")


@case("inbound: a segment with {flags} does not open a connection, IPv{family}", family=BOTH,
      flags=("A", "SA", "FA", "R", "PA"))
def stray(lab, family, flags):
    packet = tcp(W[family], A.ip[family], 80, 50000, flags)
    lab.from_net(packet)
    assert len(lab.maps["pp_inbound"]) == 0
    masquerade(lab, tcp(A.ip[family], W[family], 50000, 80), family, "tcp")


@case("inbound: a SYN of the pod overrides a stale inbound entry (Cilium 47425), IPv{family}",
      family=BOTH)
def own_syn(lab, family):
    lab.from_net(tcp(W[family], A.ip[family], 80, 50000))
    assert len(lab.maps["pp_inbound"]) == 1
    masquerade(lab, tcp(A.ip[family], W[family], 50000, 80), family, "tcp")
    masquerade(lab, tcp(A.ip[family], W[family], 50000, 80, "A"), family, "tcp")


@case("inbound: an echo reply from outside opens nothing, IPv{family}", family=BOTH)
def inbound_echo_reply(lab, family):
    lab.from_net(reply(W[family], A.ip[family], 9))
    lab.to_net(reply(A.ip[family], W[family], 9)).dropped()
    masquerade(lab, echo(A.ip[family], W[family], 9), family, "echo")


@case("inbound: UDP expires after 30 s, IPv{family}", family=BOTH)
def inbound_timeout(lab, family):
    lab.from_net(udp(W[family], A.ip[family], 4000, 80))
    lab.advance(29)
    lab.to_net(udp(A.ip[family], W[family], 80, 4000)).passed()
    lab.advance(32)
    masquerade(lab, udp(A.ip[family], W[family], 80, 4000), family, "udp")


@case("inbound: an answered TCP connection has the usual timeout, IPv{family}", family=BOTH)
def inbound_established(lab, family):
    request = tcp(W[family], A.ip[family], 4000, 80)
    lab.from_net(request).delivered(A, moved(request))
    lab.to_net(tcp(A.ip[family], W[family], 80, 4000, "SA")).passed()
    lab.from_net(tcp(W[family], A.ip[family], 4000, 80, "A")).redirects
    lab.advance(3600)
    lab.to_net(tcp(A.ip[family], W[family], 80, 4000, "PA")).passed()


@case("inbound: it ends with the pod, IPv{family}", family=BOTH)
def inbound_generation(lab, family):
    lab.from_net(udp(W[family], A.ip[family], 4000, 80))
    lab.put_pod(A, generation=A.generation + 1)
    masquerade(lab, udp(A.ip[family], W[family], 80, 4000), family, "udp")


@case("inbound: native sources need no state, IPv{family}", family=BOTH)
def inbound_native(lab, family):
    lab.put_nomasq(W[family], {4: 32, 6: 128}[family], "NOMASQ_NATIVE")
    for protocol in PROTOCOLS:
        packet = l4(protocol, W[family], A.ip[family], 4000, 80)
        lab.from_net(packet).delivered(A, moved(packet))
        lab.to_net(l4(protocol, A.ip[family], W[family], 80, 4000, answer=True)).passed()
    assert len(lab.maps["pp_inbound"]) == 0


@case("inbound: to a pod whose pool is not masqueraded needs no state, IPv{family}", family=BOTH)
def inbound_skip(lab, family):
    lab.maps["pp_pools"][2] = dict(name="mars", state="POOL_ACTIVE", flags=4)
    packet = tcp(W[family], D.ip[family], 4000, 80)
    lab.from_net(packet).delivered(D, moved(packet))
    lab.to_net(tcp(D.ip[family], W[family], 80, 4000, "SA")).passed()


@case("inbound: an outgoing flow with the same ports is not a reply, IPv{family}",
      family=BOTH)
def outgoing_first(lab, family):
    port = masquerade(lab, udp(A.ip[family], W[family], 50000, 80), family, "udp")
    lab.from_net(udp(W[family], A.ip[family], 80, 50000))
    assert masquerade(lab, udp(A.ip[family], W[family], 50000, 80), family, "udp") == port


@case("flow: a dangling index entry is repaired, IPv{family}", family=BOTH)
def lost_halves(lab, family):
    packet = udp(A.ip[family], W[family], 50000, 80)
    port = masquerade(lab, packet, family, "udp")
    lab.maps["pp_flow_fwd"].clear()
    lab.tick += 1
    assert masquerade(lab, packet, family, "udp") == port and lab.counted("flow_adopted") == 0, "its hint was not used"
    lab.maps["pp_flow_hints"].zero()
    lab.tick += 1
    assert masquerade(lab, packet, family,
                      "udp") == port, "the claim of the same flow was not adopted"
    assert lab.counted("flow_adopted") == 1
    lab.maps["pp_flow_rev"].clear()
    lab.to_net(packet)
    port = port_of(lab.to_net(packet).frame, family, "udp")
    assert port
    lab.maps["pp_flows"].zero()
    result = lab.to_net(packet)
    if not result.drops:
        port = port_of(result.frame, family, "udp")
        result.leaves(translated(packet, src=N1[family], sport=port))
        answer = back("udp", family, port)
        lab.from_net(answer).delivered(A, native(answer, A, family, 50000))
