# SPDX-License-Identifier: GPL-2.0-only
"""Devices by which packets of pods may leave: masqueraded ones only by attached uplinks."""
import subprocess

from cases import BOTH, case
from cases_frag import fragments
from lab import A, B, C, D, HOST_MAC, N1, V, W
from packets import Ether, echo, ip, l4, other, tcp, udp
from scapy.all import IPOption, IPv6ExtHdrDestOpt, Raw, UDP

HOST_BITS = {4: 32, 6: 128}
BY_STACK = dict(flags=1)  # POD_BY_STACK


def unlist(lab, uplink="up1"):
    """Like `pinpool down`, or a device that was recreated with its old name: V's route uses up1."""
    lab.take("pp_uplinks", lab.ifindex[uplink])


def no_uplink(lab, send, *packets):
    for packet in packets:
        before = lab.counted("no_uplink")
        send(A, packet).dropped()
        assert lab.counted("no_uplink") == before + 1, "dropped, but not as no_uplink"


@case("uplinks: {protocol} by a device that is not an uplink is dropped, IPv{family}", family=BOTH,
      protocol=("tcp", "udp", "echo", "sctp", "gre"))
def not_listed(lab, family, protocol):
    target = V[family]
    if protocol == "gre":
        packet = other(A.ip[family], target)
    else:
        packet = l4(protocol, A.ip[family], target, 1000, 80)
    assert lab.from_pod(A, packet).redirects
    unlist(lab)
    no_uplink(lab, lab.from_pod, packet, packet)
    assert lab.from_pod(A, l4("udp", A.ip[family], W[family], 1, 2)).redirects, "by the other uplink"


@case("uplinks: {what} that the stack would forward is checked, too, IPv{family}", family=BOTH,
      what=("fragments", "options", "too long", "a pod with host ports"))
def by_stack(lab, family, what):
    target = V[family]
    if what == "fragments":
        packets = fragments(udp(A.ip[family], target, 1000, 80, bytes(200)), family)
    elif what == "options" and family == 4:
        packets = [udp(A.ip[4], target, 1000, 80, options=[IPOption(b"\x01" * 4)])]
    elif what == "options":
        packets = [ip(A.ip[6], target) / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / Raw(b"x" * 8)]
    elif what == "too long":
        packets = [udp(A.ip[family], target, 1000, 80, bytes(1600))]
    else:
        packets = [tcp(A.ip[family], target, 80, 1000, "SA"), echo(A.ip[family], target, 7)]
        lab.put_pod(A, **BY_STACK)
    for packet in packets:
        lab.from_pod(A, packet).passed()
    unlist(lab)
    no_uplink(lab, lab.from_pod, *packets)
    lab.put_nomasq(target, HOST_BITS[family], "NOMASQ_NATIVE")
    for packet in packets:
        lab.from_pod(A, packet).passed()


@case("uplinks: native destinations leave by any device, IPv{family}", family=BOTH)
def native(lab, family):
    unlist(lab)
    unlist(lab, "up0")
    packet = udp(A.ip[family], V[family], 1000, 80)
    assert lab.from_pod(A, udp(A.ip[family], C[family], 1, 2)).redirects, "to another node's pod"
    no_uplink(lab, lab.from_pod, packet)
    lab.put_nomasq(V[family], HOST_BITS[family], "NOMASQ_NATIVE")
    assert lab.from_pod(A, packet).redirects


@case("uplinks: {what} keeps addresses by any device, IPv{family}", family=BOTH,
      what=("skip-masquerade", "only-masquerade-default-pool", "no masquerading"))
def keeps(lab, family, what):
    unlist(lab)
    packet = udp(D.ip[family], V[family], 1000, 80)
    lab.from_pod(D, packet).dropped()
    if what == "skip-masquerade":
        lab.put("pp_pools", 2, dict(name="mars", state="POOL_ACTIVE", flags=4))
    elif what == "only-masquerade-default-pool":
        lab.set_config(masquerade_default_only=1)
    else:
        lab.set_config(masquerade=[0, 1] if family == 4 else [1, 0])
    assert lab.from_pod(D, packet).redirects
    if what != "no masquerading":
        no_uplink(lab, lab.from_pod, udp(A.ip[family], V[family], 1000, 80))


@case("uplinks: local traffic needs none, IPv{family}", family=BOTH)
def stays(lab, family):
    unlist(lab)
    unlist(lab, "up0")
    lab.from_pod(A, udp(A.ip[family], N1[family], 1000, 80)).passed()
    assert lab.from_pod(A, udp(A.ip[family], B.ip[family], 1000, 80)).redirects
    lab.put_pod(A, **BY_STACK)
    for target in (N1[family], B.ip[family]):
        lab.from_pod(A, udp(A.ip[family], target, 1000, 80)).passed()


@case("uplinks: an uplink listed again is used again, IPv{family}", family=BOTH)
def listed_again(lab, family):
    packet = udp(A.ip[family], V[family], 1000, 80)
    unlist(lab)
    no_uplink(lab, lab.from_pod, packet)
    lab.put("pp_uplinks", lab.ifindex["up1"], dict(ifname="up1"))
    assert lab.from_pod(A, packet).redirects


@case("uplinks: IPv4 link-local by a device that is not an uplink is dropped", complete=False)
def link_local(lab):
    packet = udp(A.ip[4], "169.254.169.254", 1000, 53)
    assert lab.from_pod(A, packet).redirects
    lab.advance(2)
    unlist(lab, "up0")
    no_uplink(lab, lab.from_pod, packet)


@case("uplinks: an encapsulating route hides no pod's address, IPv{family}", family=BOTH,
      complete=False)
def encapsulated(lab, family):
    target = {4: "203.0.112.9", 6: "2001:db8:9::9"}[family]
    packet = udp(A.ip[family], target, 1000, 80)
    encap = ["encap", "ip6" if family == 6 else "ip", "id", "7", "dst",
             "2001:db8:f::99" if family == 6 else "192.0.2.99"]
    subprocess.run(["ip", "route", "add", target, *encap, "dev", "up0"], check=True)
    try:
        no_uplink(lab, lab.from_pod, packet)
        lab.put_nomasq(target, HOST_BITS[family], "NOMASQ_NATIVE")
        lab.from_pod(A, packet).passed()
    finally:
        subprocess.run(["ip", "route", "del", target], check=True)


@case("uplinks: a pod's packet without a program is dropped, IPv{family}", family=BOTH,
      complete=False)
def no_program(lab, family):
    lab.maps["pp_dispatch"].clear()
    for target in (W[family], V[family], B.ip[family], N1[family]):
        frame = bytes(Ether(src=A.mac, dst=HOST_MAC) / udp(A.ip[family], target, 1, 2))
        lab.run("pp_pod_entry", frame, A.interface).dropped()
    assert lab.counted("no_program") == 4
