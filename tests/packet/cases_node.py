# SPDX-License-Identifier: GPL-2.0-only
"""The node around the packets: its sockets, routes, segmentation; dispatch, ageing, the timer."""
import socket
import struct
import subprocess
import time

from cases import BOTH, case, masquerade
from cases_masq import back, native
from lab import A, B, C, N1, R, W
from packets import l4, middle, moved, tcp, translated, udp

FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


@case("socket: a {kind} port that the host has {how} is not used, IPv{family}", family=BOTH,
      kind=("udp", "tcp"), how=("on its address", "on any"))
def host_port(lab, family, kind, how):
    sort = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    with socket.socket(FAMILY[family], sort) as host:
        if family == 6:
            host.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        host.bind((N1[family] if "address" in how else "", 50000))
        if kind == "tcp":
            host.listen()
        packet = l4(kind, A.ip[family], W[family], 50000, 80)
        port = masquerade(lab, packet, family, kind)
        assert port != 50000, "the host's port went to a pod"
        lab.from_net(back(kind, family, 50000)).passed()
        assert masquerade(lab, packet, family, kind) == port
    other = l4(kind, B.ip[family], W[family], 50000, 80)
    assert masquerade(lab, other, family, kind) == 50000


@case("socket: a socket connected elsewhere does not take the port, IPv{family}", family=BOTH)
def connected_elsewhere(lab, family):
    with socket.socket(FAMILY[family], socket.SOCK_DGRAM) as host:
        host.bind((N1[family], 50000))
        host.connect((R[family], 53))
        assert masquerade(lab, udp(A.ip[family], W[family], 50000, 80), family, "udp") == 50000


@case("size: beyond the receiving pod's MTU goes to the stack, {protocol}, IPv{family}",
      family=BOTH, protocol=("tcp", "udp"))
def pod_mtu(lab, family, protocol):
    lab.put_pod(B, mtu=1400)
    head = (20 if family == 4 else 40) + (20 if protocol == "tcp" else 8)
    for source, send, to in ((A.ip[family], lab.from_pod, (A,)), (C[family], lab.from_net, ()),
                             (W[family], lab.from_net, ())):
        fits, too_big = (middle(protocol, source, B.ip[family], 1, 2, data=bytes(n - head))
                         for n in (1400, 1401))
        send(*to, fits).delivered(B, moved(fits))
        send(*to, too_big).passed()


@case("size: a reply beyond the pod's MTU is translated for the stack, IPv{family}", family=BOTH)
def answer_too_big(lab, family):
    lab.put_pod(A, mtu=600)
    port = masquerade(lab, udp(A.ip[family], W[family], 1000, 80), family, "udp")
    answer = udp(W[family], N1[family], 80, port, bytes(1000))
    lab.from_net(answer).leaves(translated(answer, dst=A.ip[family], dport=1000))


@case("size: segments of {gso} bytes, IPv{family}", family=BOTH, gso=(1200, 1600), complete=False)
def segmented(lab, family, gso):
    """A GSO packet is as large as its segments."""
    for target, there in ((B.ip, True), (W, False), (C, False)):
        packet = tcp(A.ip[family], target[family], 1, 2, "A", bytes(3000))
        result = lab.from_pod(A, packet, gso_size=gso)
        if gso > 1500:
            result.passed()
        elif there:
            result.delivered(B, moved(packet))
        else:
            assert result.redirects, "segments that fit went to the stack"
            result.forwarded(packet)


@case("size: a route with a locked MTU, IPv4", complete=False)
def locked_mtu(lab):
    target = "203.0.113.77"
    subprocess.run(["ip", "route", "add", target, "via", R[4], "dev", "up0", "mtu", "lock", "1300"],
                   check=True)
    try:
        lab.from_pod(A, udp(A.ip[4], target, 1, 2, bytes(1400))).passed()
        small = udp(A.ip[4], target, 1, 2, bytes(1200))
        lab.from_pod(A, small).forwarded(small)
    finally:
        subprocess.run(["ip", "route", "del", target], check=True)


@case("dispatch: empty, pods' packets are dropped; filled, they take the fast path",
      complete=False)
def dispatch(lab):
    from packets import Ether
    from lab import HOST_MAC
    packet = udp(A.ip[4], B.ip[4], 1, 2)
    frame = bytes(Ether(src=A.mac, dst=HOST_MAC) / packet)
    lab.maps["pp_dispatch"].clear()
    lab.run("pp_pod_entry", frame, A.interface).dropped()
    lab.maps["pp_dispatch"][0] = struct.pack("<I", lab.bpf.programs["pp_from_pod"].fd)
    lab.run("pp_pod_entry", frame, A.interface).delivered(B, moved(packet))
    lab.maps["pp_dispatch"].clear()


@case("ageing: the sweep removes expired flows only", complete=False)
def sweep(lab):
    remotes = [f"203.0.113.{n}" for n in range(1, 41)]
    for number, remote in enumerate(remotes):
        masquerade(lab, udp((A, B)[number % 2].ip[4], remote, 50000, 80), 4, "udp")
        if number == 19:
            lab.advance(20)
    lab.advance(15)  # the first twenty have expired
    assert lab.bpf.programs["pp_flows_sweep"].call() == 20
    lab.remove_pod(B)
    assert lab.bpf.programs["pp_flows_sweep"].call() == 10
    assert len(lab.maps["pp_flow_fwd"]) == len(lab.maps["pp_flow_rev"]) == 10
    assert lab.maps["pp_flow_table"][0]["used"] == 10
    assert lab.bpf.programs["pp_flows_sweep"].call() == 0
    lab.advance(40)
    assert lab.bpf.programs["pp_flows_sweep"].call() == 10
    assert len(lab.maps["pp_flow_fwd"]) == len(lab.maps["pp_flow_rev"]) == 0


@case("ageing: the timer sweeps, armed once or twice", complete=False)
def timer(lab):
    for number in range(20):
        masquerade(lab, udp(A.ip[4], f"203.0.113.{number + 1}", 50000, 80), 4, "udp")
    for _ in range(2):
        assert lab.bpf.programs["pp_flows_arm"].call() == 0
    lab.advance(15)
    time.sleep(.1)
    assert len(lab.maps["pp_flow_rev"]) == 20, "the timer took what lives"
    lab.advance(20)
    deadline = time.monotonic() + 3
    while len(lab.maps["pp_flow_rev"]) and time.monotonic() < deadline:
        time.sleep(.02)
    assert not len(lab.maps["pp_flow_rev"]), "the timer left what is over"
    assert lab.maps["pp_flow_table"][0]["last_tick"] == lab.now
    lab.maps["pp_flow_timer"][0] = bytes(lab.maps["pp_flow_timer"].value.size)  # cancels it


@case("order: a complete conversation, IPv{family}",
      family=BOTH)
def conversation(lab, family):
    """Through the pod's program, the uplink, and back."""
    for flags, answer_flags in (("S", "SA"), ("A", "A"), ("PA", "A"), ("FA", "FA"), ("A", "A")):
        packet = tcp(A.ip[family], W[family], 40000, 80, flags, b"x" * 5)
        lab.from_pod(A, packet).forwarded(packet)
        port = masquerade(lab, moved(packet), family, "tcp")
        answer = tcp(W[family], N1[family], 80, port, answer_flags, b"y" * 9)
        lab.from_net(answer).delivered(A, native(answer, A, family, 40000))
