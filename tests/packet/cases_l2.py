# SPDX-License-Identifier: GPL-2.0-only
"""A pod's identity: source addresses and MACs, ARP, neighbour discovery."""
from cases import BOTH, case
from lab import A, B, C, GATEWAY, HOST_MAC, N1, R, UNALLOCATED, W, pod_mac
from packets import (ARP, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, ICMPv6Unknown,
                     IPOption, IPv6ExtHdrHopByHop, Ether, Raw, RouterAlert, ip, moved, tcp, udp)

BROADCAST = "ff:ff:ff:ff:ff:ff"
DESTINATIONS = {
    "pod": lambda f: B.ip[f], "host": lambda f: N1[f], "node": lambda f: C[f],
    "world": lambda f: W[f]
}


@case("spoof: A with the source {whose} to the {target} is dropped, IPv{family}", family=BOTH,
      whose=("another pod's", "the node's", "the world's", "none", "unallocated", "loopback"),
      target=DESTINATIONS)
def spoofed_source(lab, family, whose, target):
    source = {
        "another pod's": B.ip, "the node's": N1, "the world's": W, "unallocated": UNALLOCATED,
        "none": {4: "0.0.0.0", 6: "::"}, "loopback": {4: "127.0.0.1", 6: "::1"}
    }[whose][family]
    packet = udp(source, DESTINATIONS[target](family), 1000, 80)
    lab.from_pod(A, packet).dropped()


@case("spoof: link-local source to the {target} is dropped", target=("pod", "node", "world"))
def link_local_source(lab, target):
    lab.from_pod(A, udp("fe80::70", DESTINATIONS[target](6), 1000, 80)).dropped()


@case("source: A with the MAC of {whose} is A by its interface, IPv{family}", family=BOTH,
      whose=("B", "nobody", "the host", "a free slot", "no slot"))
def other_mac(lab, family, whose):
    mac = {
        "B": B.mac, "nobody": "02:00:00:00:00:99", "the host": HOST_MAC, "a free slot": pod_mac(9),
        "no slot": pod_mac(16384)
    }[whose]
    packet = udp(A.ip[family], B.ip[family], 1000, 80)
    lab.from_pod(A, packet, src=mac).delivered(B, moved(packet))
    # but only with its address
    lab.from_pod(A, udp(B.ip[family], B.ip[family], 1000, 80), src=mac).dropped()
    lab.from_pod(A, udp(N1[family], B.ip[family], 1000, 80), src=mac).dropped()


@case("spoof: A's address and MAC from another interface, IPv{family}", family=BOTH)
def spoofed_interface(lab, family):
    lab.from_pod(A, udp(A.ip[family], B.ip[family], 1000, 80), interface="spare").dropped()
    lab.from_pod(A, udp(A.ip[family], W[family], 1000, 80), interface=B.interface).dropped()


@case("spoof: A's interface after A is deleted, and after its slot is reused, IPv{family}",
      family=BOTH)
def gone(lab, family):
    lab.remove_pod(A)
    lab.from_pod(A, udp(A.ip[family], B.ip[family], 1000, 80)).dropped()
    lab.put_pod(A, ifindex=lab.ifindex["spare"], generation=90)
    lab.from_pod(A, udp(A.ip[family], B.ip[family], 1000, 80)).dropped()


@case("spoof: the other family's address in the slot does not help")
def mapped(lab):
    lab.put_pod(A, ip=[A.ip[4], ""])
    lab.from_pod(A, udp(A.ip[6], B.ip[6], 1000, 80)).dropped()
    lab.from_pod(A, udp("::", B.ip[6], 1000, 80)).dropped()
    lab.from_pod(A, udp("::ffff:" + A.ip[4], B.ip[6], 1000, 80)).dropped()
    lab.put_pod(A, ip=["", A.ip[6]])
    lab.from_pod(A, udp(A.ip[4], B.ip[4], 1000, 80)).dropped()
    lab.from_pod(A, udp("0.0.0.0", B.ip[4], 1000, 80)).dropped()


@case("spoof: it creates no state, IPv{family}", family=BOTH)
def spoof_leaves_nothing(lab, family):
    for source in (B.ip[family], W[family], UNALLOCATED[family]):
        lab.from_pod(A, tcp(source, W[family], 1000, 80)).dropped()
    for name in ("pp_flow_fwd", "pp_flow_rev", "pp_inbound", "pp_frags"):
        assert len(lab.maps[name]) == 0, f"{name} has {len(lab.maps[name])} entries"


def arp_request(sender, target, mac=A.mac):
    return ARP(op=1, hwsrc=mac, psrc=sender, pdst=target, hwdst="00:00:00:00:00:00")


def send_arp(lab, packet, src=A.mac, dst=BROADCAST):
    frame = bytes(Ether(src=src, dst=dst) / packet).ljust(60, b"\0")
    return lab.run("pp_from_pod", frame, A.interface)


def answered(result, target):
    assert result.redirects, result.describe()
    wanted = bytes(
        Ether(src=HOST_MAC, dst=A.mac) /
        ARP(op=2, hwsrc=HOST_MAC, psrc=target, hwdst=A.mac, pdst=A.ip[4]))
    got = result.frame[:42]
    assert got == wanted, f"{Ether(got).summary()}\n   {got.hex()}\n   {wanted.hex()}"


@case("arp: who-has the gateway is answered", complete=False)
def arp_gateway(lab):
    answered(send_arp(lab, arp_request(A.ip[4], GATEWAY[4])), GATEWAY[4])
    answered(send_arp(lab, arp_request(A.ip[4], GATEWAY[4]), dst=HOST_MAC), GATEWAY[4])


@case("arp: who-has {target} is answered too", target=(B.ip[4], R[4], "10.10.0.1"), complete=False)
def arp_anything(lab, target):
    answered(send_arp(lab, arp_request(A.ip[4], target)), target)


@case("arp: {what} is dropped", complete=False,
      what=("own address", "probe of own address", "announcement of own address"))
def arp_own(lab, what):
    sender = "0.0.0.0" if "probe" in what else A.ip[4]
    send_arp(lab, arp_request(sender, A.ip[4])).dropped()


@case(
    "arp: {what} is not believed", complete=False,
    what=("gratuitous request for the node", "gratuitous reply for the node", "reply",
          "sender of another pod", "wrong sender MAC", "RARP", "short", "wrong hardware type",
          "wrong protocol type"))
def arp_bad(lab, what):
    packet = {
        "gratuitous request for the node": arp_request(N1[4], N1[4]),
        "gratuitous reply for the node": ARP(op=2, hwsrc=A.mac, psrc=N1[4], hwdst=BROADCAST,
                                             pdst=N1[4]),
        "reply": ARP(op=2, hwsrc=A.mac, psrc=A.ip[4], hwdst=HOST_MAC, pdst=GATEWAY[4]),
        "sender of another pod": arp_request(B.ip[4], GATEWAY[4]),
        "wrong sender MAC": arp_request(A.ip[4], GATEWAY[4], B.mac),
        "RARP": ARP(op=3, hwsrc=A.mac, psrc=A.ip[4], pdst=GATEWAY[4]),
        "short": arp_request(A.ip[4], GATEWAY[4]),
        "wrong hardware type": ARP(hwtype=6, op=1, hwsrc=A.mac, psrc=A.ip[4], pdst=GATEWAY[4]),
        "wrong protocol type": ARP(ptype=0x86dd, op=1, hwsrc=A.mac, psrc=A.ip[4], pdst=GATEWAY[4]),
    }[what]
    if what == "reply":  # the truth, and the host may have asked
        return send_arp(lab, packet).refused()
    if what != "short":
        return send_arp(lab, packet).dropped()
    for size in range(15, 42):
        frame = bytes(Ether(src=A.mac, dst=BROADCAST) / packet)[:size]
        lab.run("pp_from_pod", frame, A.interface).dropped()


@case("arp: a pod with another MAC address gets its reply", complete=False)
def arp_other_mac(lab):
    for mac in (B.mac, pod_mac(9), "02:00:00:00:00:99"):
        result = send_arp(lab, arp_request(A.ip[4], GATEWAY[4], mac), src=mac)
        assert result.redirects, result.describe()
        assert result.frame[:28] == bytes(
            Ether(src=HOST_MAC, dst=mac) /
            ARP(op=2, hwsrc=HOST_MAC, psrc=GATEWAY[4], hwdst=mac, pdst=A.ip[4]))[:28]
    send_arp(lab, arp_request(A.ip[4], GATEWAY[4], B.mac), src=pod_mac(9)).dropped()
    send_arp(lab, arp_request(B.ip[4], GATEWAY[4], B.mac), src=B.mac).dropped()


def solicit(source, target, destination=None, option=True, hops=255):
    solicited = destination or "ff02::1:ff00:1"
    packet = ip(source, solicited, hops) / ICMPv6ND_NS(tgt=target)
    return packet / ICMPv6NDOptSrcLLAddr(lladdr=A.mac) if option else packet


def advertised(result, target, source):
    assert result.redirects, result.describe()
    got = Ether(result.frame)
    assert (got.src, got.dst) == (HOST_MAC, A.mac), got.summary()
    wanted = bytes(
        ip(target, source, 255) / ICMPv6ND_NA(tgt=target, R=got[ICMPv6ND_NA].R, S=1, O=1) /
        ICMPv6NDOptDstLLAddr(lladdr=HOST_MAC))
    assert result.frame[14:] == wanted, f"got {got.show2(dump=True)}"


@case("nd: who has the gateway, asked from {source}", source=(A.ip[6], "fe80::70"))
def nd_gateway(lab, source):
    advertised(lab.from_pod(A, solicit(source, GATEWAY[6]), dst="33:33:ff:00:00:01"), GATEWAY[6],
               source)
    advertised(lab.from_pod(A, solicit(source, GATEWAY[6], GATEWAY[6])), GATEWAY[6], source)


@case("nd: a probe without the option is answered or dropped")
def nd_without_option(lab):
    result = lab.from_pod(A, solicit(A.ip[6], GATEWAY[6], GATEWAY[6], option=False))
    if not result.drops:
        assert result.redirects, result.describe()
        assert Ether(result.frame)[ICMPv6ND_NA].tgt == GATEWAY[6], result.describe()


@case("nd: duplicate address detection of its own address is not answered")
def nd_dad(lab):
    lab.from_pod(A, solicit("::", A.ip[6], option=False), dst="33:33:ff:00:00:05").dropped()


@case(
    "nd: {what} is dropped",
    what=("hop limit 64", "foreign source", "code 1", "router advertisement",
          "advertisement of the node", "RA to the gateway"))
def nd_bad(lab, what):
    packet = {
        "hop limit 64": solicit(A.ip[6], GATEWAY[6], hops=64),
        "foreign source": solicit(B.ip[6], GATEWAY[6]),
        "code 1": ip(A.ip[6], GATEWAY[6], 255) / ICMPv6ND_NS(tgt=GATEWAY[6], code=1),
        "router advertisement": ip("fe80::70", "ff02::1", 255) /
        ICMPv6Unknown(type=134, msgbody=bytes(12)),
        "RA to the gateway": ip("fe80::70", GATEWAY[6], 255) /
        ICMPv6Unknown(type=134, msgbody=bytes(12)),
        "advertisement of the node": ip(A.ip[6], "ff02::1", 255) / ICMPv6ND_NA(tgt=N1[6], O=1) /
        ICMPv6NDOptDstLLAddr(lladdr=A.mac),
    }[what]
    lab.from_pod(A, packet).dropped()


@case("nd: an invalid checksum, or a solicitation truncated at any length, is not answered", complete=False)
def nd_cut(lab):
    whole = bytes(Ether(src=A.mac, dst=HOST_MAC) / solicit(A.ip[6], GATEWAY[6], GATEWAY[6]))
    for size in range(14 + 40, 14 + 40 + 24):
        result = lab.run("pp_from_pod", whole[:size], A.interface)
        assert not result.redirects, f"{size} bytes: {result.describe()}"


@case("spoof: DHCP offers of a pod are dropped", complete=False)
def dhcp(lab):
    lab.from_pod(A, udp(A.ip[4], "255.255.255.255", 67, 68), dst=BROADCAST).dropped()
    lab.from_pod(A, udp("0.0.0.0", "255.255.255.255", 68, 67), dst=BROADCAST).dropped()
    for family, server, client in ((4, 67, 68), (6, 547, 546)):
        lab.from_pod(A, udp(A.ip[family], B.ip[family], server, client)).dropped()
        other_way = udp(A.ip[family], B.ip[family], client, server)
        lab.from_pod(A, other_way).delivered(B, moved(other_way))


LINK = "fe80::70:70ff:fe00:3"  # A's


def mld(source, kind=143, ttl=1, target="ff02::16"):
    body = b"\0\0\0\1\4\0\0\0" if kind == 143 else bytes(4)
    return (ip(source, target, ttl) / IPv6ExtHdrHopByHop(options=[RouterAlert()]) /
            ICMPv6Unknown(type=kind, msgbody=body + bytes.fromhex("ff0200000000000000000000000000fb")))


def igmp(source, kind=0x22, ttl=1, target="224.0.0.22"):
    return (ip(source, target, ttl, proto=2, options=[IPOption(b"\x94\x04\0\0")]) /
            Raw(bytes([kind, 0, 0xfa, 2, 0, 0, 0, 0])))


def announcement(source, target):
    return ip(source, "ff02::1", 255) / ICMPv6ND_NA(tgt=target, R=0, S=0, O=1)


def solicit_router(source, ttl=255):
    return ip(source, "ff02::2", ttl) / ICMPv6Unknown(type=133, msgbody=bytes(4))


def probe(target, source="::"):
    return ip(source, "ff02::1:ff00:3", 255) / ICMPv6ND_NS(tgt=target)


PEACEFUL = {
    "MLDv2": lambda: [mld(LINK), mld("::")],
    "MLDv1": lambda: [mld(s, k, target=t) for s in (LINK, "::") for k, t in ((131, "ff02::fb"), (132, "ff02::2"))],
    "IGMP": lambda: [igmp(s, k) for s in (A.ip[4], "0.0.0.0") for k in (0x12, 0x16, 0x17, 0x22)],
    "RS": lambda: [solicit_router(LINK), solicit_router("::")],
    "DAD": lambda: [probe(LINK), probe("fe80::7"), probe(A.ip[6])],
    "NA": lambda: [announcement(LINK, LINK), announcement(A.ip[6], A.ip[6])],
}


def drop_reasons(lab):
    """Counters of drops."""
    names = [n for n, *_ in lab.maps["pp_stats"].value.fields]
    names = names[names.index("not_ip"):names.index("flow_created")]
    copies = lab.maps["pp_stats"][0]
    counts = {n: sum(copy[n]["packets"] for copy in copies) for n in names}
    return {n: count for n, count in counts.items() if count}


@case("link scope: {kind} of a pod is ignored, not counted as a drop", kind=PEACEFUL)
def peaceful(lab, kind):
    packets = PEACEFUL[kind]()
    for packet in packets:
        lab.from_pod(A, packet, dst="33:33:00:00:00:16").dropped()
    assert lab.counted("pod_ignored") == len(packets), drop_reasons(lab)
    assert not drop_reasons(lab), drop_reasons(lab)


@case("link scope: from a pod that is not ready yet, and from one with its own MAC address")
def peaceful_unknown(lab):
    lab.put_pod(A, state="POD_RESERVED")
    lab.from_pod(A, mld(LINK)).dropped()
    own = "02:aa:bb:cc:dd:ee"
    lab.put_pod(A, mac=own)
    for packet in (mld(LINK), mld("::"), igmp(A.ip[4]), solicit_router(LINK)):
        lab.from_pod(A, packet, src=own).dropped()
    assert lab.counted("pod_ignored") == 5 and not drop_reasons(lab), drop_reasons(lab)


@case("link scope: announcements and probes of its own address by ARP are ignored", complete=False)
def peaceful_arp(lab):
    own = A.ip[4]
    for packet in (arp_request(own, own), arp_request("0.0.0.0", own),
                   ARP(op=2, hwsrc=A.mac, psrc=own, hwdst=BROADCAST, pdst=own)):
        send_arp(lab, packet).dropped()
    assert lab.counted("pod_ignored") == 3 and not drop_reasons(lab), drop_reasons(lab)
    send_arp(lab, arp_request("0.0.0.0", B.ip[4])).dropped()
    send_arp(lab, arp_request(B.ip[4], B.ip[4])).dropped()
    assert drop_reasons(lab) == {"dad": 1, "spoofed": 1}, drop_reasons(lab)


SPOOFS = {
    "MLD from another pod": lambda: (mld(B.ip[6]), "spoofed"),
    "MLD from the node": lambda: (mld(N1[6]), "spoofed"),
    "MLD with hops left": lambda: (mld("::", ttl=64), "spoofed"),
    "an MLD query": lambda: (mld(LINK, 130, target="ff02::1"), "multicast"),
    "IGMP from another pod": lambda: (igmp(B.ip[4]), "spoofed"),
    "IGMP from nobody, with hops left": lambda: (igmp("0.0.0.0", ttl=2), "spoofed"),
    "an IGMP query": lambda: (igmp("0.0.0.0", 0x11, target="224.0.0.1"), "spoofed"),
    "RS from another pod": lambda: (solicit_router(B.ip[6]), "spoofed"),
    "a probe of another pod's address": lambda: (probe(B.ip[6]), "dad"),
    "an announcement of another pod's address": lambda: (announcement(A.ip[6], B.ip[6]), "nd"),
    "UDP from nobody": lambda: (udp("::", "ff02::1", 1000, 80), "spoofed"),
    "UDP from link-local to a group": lambda: (udp(LINK, "ff02::fb", 5353, 5353), "multicast"),
    "a search for a DHCP server": lambda: (udp("0.0.0.0", "255.255.255.255", 68, 67), "multicast"),
    "the same to another port": lambda: (udp("0.0.0.0", "255.255.255.255", 68, 69), "spoofed"),
}


@case("link scope: {what} is counted by its reason", what=SPOOFS)
def no_peace(lab, what):
    packet, reason = SPOOFS[what]()
    lab.from_pod(A, packet, dst="33:33:00:00:00:01").dropped()
    assert drop_reasons(lab) == {reason: 1}, drop_reasons(lab)


@case("link scope: messages with another pod's MAC address are spoofed")
def no_peace_mac(lab):
    for packet in (mld(LINK), mld("::"), igmp("0.0.0.0")):
        lab.from_pod(A, packet, src=B.mac).dropped()
    assert drop_reasons(lab) == {"spoofed": 3}, drop_reasons(lab)
