# SPDX-License-Identifier: GPL-2.0-only
"""The node's own traffic takes precedence over flows of pods."""
from cases import BOTH, case, masquerade
from cases_masq import back, native
from lab import A, B, N1, W, W2
from packets import error, ip, l4, moved, other, reply, translated, udp

HOLD = 600
ADDRESS_ONLY = (4, 41, 47, 50, 115, 132)
# protocols with keys that flows can have; identifier and port belong to the node
COLLIDING = ("tcp", "udp", "echo", "gre", "sctp")


def tunnel(src, dst, number):
    """A packet whose reply has the same key: SCTP has equal ports."""
    return other(src, dst, number, b"\0\7\0\7 some payload")


def node_packet(protocol, family, port=50000, remote=W):
    return l4(protocol, N1[family], remote[family], port, 80)


@case("node: its {protocol} packet ends the pod's flow and gets the reply, IPv{family}",
      family=BOTH, protocol=COLLIDING)
def node_wins(lab, family, protocol):
    mine = l4(protocol, A.ip[family], W[family], 50000, 80)
    port = masquerade(lab, mine, family, protocol)
    answer = back(protocol, family, port)
    lab.from_net(answer).delivered(A, native(answer, A, family, 50000))
    lab.to_net(node_packet(protocol, family, port)).passed()
    lab.from_net(answer).passed()
    assert lab.counted("flow_yielded") == 1
    assert len(lab.maps["pp_flow_fwd"]) == len(lab.maps["pp_flow_rev"]) == 0


@case("node: a {protocol} port is unavailable to pods only while the node uses it, IPv{family}",
      family=BOTH, protocol=("tcp", "udp", "echo"))
def node_keeps(lab, family, protocol):
    lab.to_net(node_packet(protocol, family)).passed()
    mine = l4(protocol, A.ip[family], W[family], 50000, 80)
    for _ in range(3):  # node and pod both continue
        port = masquerade(lab, mine, family, protocol)
        assert port != 50000, "the pod got the node's port"
        lab.from_net(back(protocol, family, 50000)).passed()
        lab.from_net(back(protocol, family, port)).delivered(
            A, native(back(protocol, family, port), A, family, 50000))
        lab.advance(HOLD // 2)
        lab.to_net(node_packet(protocol, family)).passed()
    # another peer is another connection
    assert masquerade(lab, l4(protocol, B.ip[family], W2[family], 50000, 80), family,
                      protocol) == 50000
    lab.advance(HOLD + 1)
    assert masquerade(lab, l4(protocol, B.ip[family], W[family], 50000, 80), family,
                      protocol) == 50000


@case("node: pods do not get the peer of its protocol {number}, IPv{family}", family=BOTH,
      number=ADDRESS_ONLY)
def tunnel_kept(lab, family, number):
    mine = tunnel(A.ip[family], W[family], number)
    lab.to_net(tunnel(N1[family], W[family], number)).passed()
    lab.to_net(mine).dropped()
    assert lab.counted("taken") == 1
    lab.from_net(tunnel(W[family], N1[family], number)).passed()
    lab.advance(HOLD + 1)
    lab.to_net(mine).leaves(translated(mine, src=N1[family]))
    answer = tunnel(W[family], N1[family], number)
    lab.from_net(answer).delivered(A, moved(translated(answer, dst=A.ip[family])))
    # its own packet takes it back
    lab.to_net(tunnel(N1[family], W[family], number)).passed()
    lab.from_net(answer).passed()
    lab.to_net(mine).dropped()


@case("node: received packets of protocol {number} keep pods away, too, IPv{family}",
      family=BOTH, number=ADDRESS_ONLY)
def tunnel_received(lab, family, number):
    lab.from_net(tunnel(W[family], N1[family], number)).passed()
    lab.to_net(tunnel(A.ip[family], W[family], number)).dropped()
    lab.from_net(tunnel(W[family], N1[family], number)).passed()
    lab.advance(HOLD + 1)
    mine = tunnel(A.ip[family], W[family], number)
    lab.to_net(mine).leaves(translated(mine, src=N1[family]))


@case("node: pods may use protocol {number} that the node refuses, IPv{family}", family=BOTH,
      number=ADDRESS_ONLY)
def tunnel_refused(lab, family, number):
    came = tunnel(W[family], N1[family], number)
    kind, code = {4: (3, 2), 6: (4, 1)}[family]
    mine = tunnel(A.ip[family], W[family], number)
    lab.from_net(came).passed()
    lab.to_net(error(N1[family], W[family], kind, code, came)).passed()
    lab.from_net(came).passed()
    lab.advance(11)  # the node's tunnel is up: it no longer refuses
    lab.from_net(came).passed()
    lab.to_net(mine).dropped()
    lab.to_net(error(N1[family], W[family], kind, code, came)).passed()
    lab.from_net(came).passed()
    lab.to_net(mine).leaves(translated(mine, src=N1[family]))
    lab.from_net(came).delivered(A, moved(translated(came, dst=A.ip[family])))
    # but packets that it sends claim the key again
    lab.to_net(tunnel(N1[family], W[family], number)).passed()
    lab.to_net(error(N1[family], W[family], kind, code, came)).passed()
    lab.to_net(mine).dropped()
    lab.from_net(came).passed()


@case("stock: protocol {number} is dropped and its peer's packets go to the node, IPv{family}",
      family=BOTH, number=ADDRESS_ONLY, lab="stock")
def portless_off(lab, family, number):
    lab.to_net(tunnel(A.ip[family], W[family], number)).dropped()
    assert lab.counted("portless") == 1
    assert len(lab.maps["pp_flow_fwd"]) == len(lab.maps["pp_flow_rev"]) == 0
    lab.from_net(tunnel(W[family], N1[family], number)).passed()
    lab.to_net(tunnel(N1[family], W[family], number)).passed()
    assert len(lab.maps["pp_node_conns"]) == 0
    # a native packet passes
    lab.put_nomasq(W[family], {4: 32, 6: 128}[family], "NOMASQ_NATIVE")
    lab.to_net(tunnel(A.ip[family], W[family], number)).passed()


@case("node: ports outside the range, echo replies and plain packets need no entry, IPv{family}",
      family=BOTH, lab="stock")
def no_entry(lab, family):
    for protocol in ("tcp", "udp"):
        lab.to_net(node_packet(protocol, family, 40000)).passed()
    lab.to_net(reply(N1[family], W[family], 77)).passed()
    lab.to_net(other(N1[family], W[family], 253)).passed()
    for flags in ("R", "RA"):  # to a port scan
        lab.to_net(l4("tcp", N1[family], W[family], 50000, 80, flags=flags)).passed()
    assert len(lab.maps["pp_node_conns"]) == 0
    assert lab.counted("out_host_port") == 0
    lab.to_net(node_packet("udp", family)).passed()
    assert lab.counted("out_host_port") == 1


@case("node: a new peer reaches its port in the range despite a pod's flow, IPv{family}",
      family=BOTH, protocol=("tcp", "udp"))
def listens_later(lab, family, protocol):
    port = masquerade(lab, l4(protocol, A.ip[family], W[family], 51820, 80), family, protocol)
    assert port == 51820
    lab.from_net(l4(protocol, W2[family], N1[family], 80, port)).passed()
    lab.from_net(l4(protocol, W[family], N1[family], 81, port)).passed()
    answer = back(protocol, family, port)
    lab.from_net(answer).delivered(A, native(answer, A, family, 51820))


@case("node: its packet with options or in fragments takes precedence as well, IPv{family}", family=BOTH)
def node_fragment(lab, family):
    from packets import IP, IPv6, IPv6ExtHdrFragment
    port = masquerade(lab, udp(A.ip[family], W[family], 50000, 80), family, "udp")
    packet = udp(N1[family], W[family], port, 80, bytes(64))
    if family == 4:
        packet[IP].flags = "MF"
    else:
        upper = packet[IPv6].payload
        packet = ip(N1[family], W[family], nh=44) / IPv6ExtHdrFragment(nh=17, m=1, id=9) / upper
    lab.to_net(packet).passed()
    lab.from_net(back("udp", family, port)).passed()
    assert lab.counted("flow_yielded") == 1


@case("stale: flows with an address that the node lost end, IPv{family}", family=BOTH,
      complete=False)
def stale(lab, family):
    lab.maps["pp_node_ips"][N1[family]] = 2
    one = l4("udp", A.ip[family], W[family], 50000, 80)
    port = masquerade(lab, one, family, "udp")
    assert lab.bpf.programs["pp_flows_stale"].call() == 0
    assert masquerade(lab, one, family, "udp") == port
    del lab.maps["pp_node_ips"][N1[family]]
    assert lab.bpf.programs["pp_flows_stale"].call() == 1
    assert lab.counted("flow_stale") == 1
    assert len(lab.maps["pp_flow_fwd"]) == len(lab.maps["pp_flow_rev"]) == 0
    assert lab.maps["pp_flow_table"][0]["used"] == 0
    lab.from_net(back("udp", family, port)).passed()
    # the sender continues with a new flow, in the same tick
    masquerade(lab, one, family, "udp")
