# SPDX-License-Identifier: GPL-2.0-only
"""Packets from pods to pods and hosts: local delivery, native routing, TTL, options, martians."""
from cases import BOTH, case
from lab import (A, B, C, D, HOST_MAC, N1, N1B, R, UNALLOCATED, W, address_of, pod_mac)
from packets import (ICMP, IP, IPOption, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                     IPv6ExtHdrHopByHop, PROTOCOLS, UDP, Dot1Q, Raw, ip, l4, moved, other,
                     tcp, udp)


@case("local: {protocol} A to B arrives with TTL decremented, IPv{family}", family=BOTH,
      protocol=PROTOCOLS)
def local_delivery(lab, family, protocol):
    packet = l4(protocol, A.ip[family], B.ip[family], 1000, 80)
    lab.from_pod(A, packet).delivered(B, moved(packet))


@case("local: pods of two pools, the last slot included, IPv{family}", family=BOTH)
def other_pool(lab, family):
    there = udp(A.ip[family], D.ip[family], 1000, 80)
    lab.from_pod(A, there).delivered(D, moved(there))
    back = udp(D.ip[family], A.ip[family], 80, 1000)
    lab.from_pod(D, back).delivered(A, moved(back))


@case("local: UDP of {size} bytes, IPv{family}", family=BOTH, size=(0, 1, 2, 3, 1400))
def sizes(lab, family, size):
    packet = udp(A.ip[family], B.ip[family], 1000, 80, bytes(range(256)) * 6)
    packet[Raw].load = packet[Raw].load[:size]
    lab.from_pod(A, packet).delivered(B, moved(packet))


@case("local: TTL {ttl} goes to the stack untouched, IPv{family}", family=BOTH, ttl=(0, 1))
def ttl_expired(lab, family, ttl):
    lab.from_pod(A, udp(A.ip[family], B.ip[family], 1000, 80, ttl=ttl)).passed()
    lab.from_pod(A, udp(A.ip[family], C[family], 1000, 80, ttl=ttl)).passed()
    lab.from_pod(A, udp(A.ip[family], W[family], 1000, 80, ttl=ttl)).passed()


@case("local: TTL 2 arrives with 1, IPv{family}", family=BOTH)
def ttl_two(lab, family):
    packet = udp(A.ip[family], B.ip[family], 1000, 80, ttl=2)
    lab.from_pod(A, packet).delivered(B, moved(packet))


@case("local: the header checksum wraps correctly at TTL {ttl}, id {ident}", ttl=(2, 128, 255),
      ident=(0, 0x1234, 0xfeff, 0xffff))
def checksum_wraps(lab, ttl, ident):
    packet = udp(A.ip[4], B.ip[4], 1000, 80, ttl=ttl, id=ident)
    lab.from_pod(A, packet).delivered(B, moved(packet))


@case("local: the header checksum is correct for all ids", complete=False)
def every_checksum(lab):
    for ident in range(0, 65536, 211):
        packet = udp(A.ip[4], B.ip[4], 1000, 80, id=ident)
        lab.from_pod(A, packet).delivered(B, moved(packet))


@case("local: a frame to {mac} with a pod's address is delivered or dropped, IPv{family}",
      family=BOTH, mac=("ff:ff:ff:ff:ff:ff", "02:00:00:00:99:99", B.mac))
def wrong_destination_mac(lab, family, mac):
    packet = udp(A.ip[family], B.ip[family], 1000, 80)
    result = lab.from_pod(A, packet, dst=mac)
    if not result.drops:
        result.delivered(B, moved(packet))


@case("local: A to its own address is neither looped nor leaked, IPv{family}", family=BOTH)
def hairpin(lab, family):
    lab.from_pod(A, udp(A.ip[family], A.ip[family], 1000, 80)).refused()


@case("local: to an unallocated address of the block, IPv{family}", family=BOTH)
def unallocated(lab, family):
    lab.from_pod(A, udp(A.ip[family], UNALLOCATED[family], 1000, 80)).refused()


@case("local: to a pod that is {state}, IPv{family}", family=BOTH,
      state=("POD_RESERVED", "POD_FREE"))
def not_ready(lab, family, state):
    lab.remove_route(B)
    lab.put_pod(B, state=state)
    lab.from_pod(A, udp(A.ip[family], B.ip[family], 1000, 80)).refused()


@case("local: an index entry of an older generation delivers nothing, IPv{family}", cached=False,
      family=BOTH)
def stale_generation(lab, family):
    lab.remove_route(B)
    lab.maps["pp_pod_ips"][B.ip[family]] = dict(slot=B.slot, generation=B.generation - 1)
    lab.from_pod(A, udp(A.ip[family], B.ip[family], 1000, 80)).refused()


@case("local: an index entry beyond the last slot, IPv{family}", cached=False,
      family=BOTH)
def slot_out_of_range(lab, family):
    lab.remove_route(B)
    for slot in (16384, 0xffffffff):
        lab.maps["pp_pod_ips"][B.ip[family]] = dict(slot=slot, generation=B.generation)
        lab.from_pod(A, udp(A.ip[family], B.ip[family], 1000, 80)).refused()


@case("local: a reused address reaches only its new pod, IPv{family}", family=BOTH)
def reused_address(lab, family):
    lab.remove_route(B)
    lab.remove_pod(B)
    lab.from_pod(A, udp(A.ip[family], B.ip[family], 1000, 80)).refused()
    heir = type(D)(**{**vars(D), "ip": B.ip, "generation": 99, "slot": 5, "mac": pod_mac(5)})
    lab.put_pod(heir)
    packet = udp(A.ip[family], B.ip[family], 1000, 80)
    lab.from_pod(A, packet).delivered(heir, moved(packet))


@case("local: IPv4 options, {words} words", words=(1, 5, 10))
def options(lab, words):
    packet = udp(A.ip[4], B.ip[4], 1000, 80, options=[IPOption(b"\x01" * 4)] * words)
    lab.from_pod(A, packet).delivered_or_passed(B, moved(packet))


@case("local: source route option {kind:#x} is dropped", kind=(0x83, 0x89))
def source_route(lab, kind):
    for target in (B.ip[4], C[4], W[4]):
        packet = udp(A.ip[4], target, 1000, 80,
                     options=[IPOption(bytes([kind, 7, 4, 203, 0, 113, 9])),
                              IPOption(b"\x00")])
        lab.from_pod(A, packet).dropped()


@case("local: source route option {kind:#x} behind a NOP and an unknown option is dropped",
      kind=(0x83, 0x89))
def source_route_later(lab, kind):
    packet = udp(
        A.ip[4], B.ip[4], 1000, 80, options=[
            IPOption(b"\x01"),
            IPOption(b"\x5e\x04\x00\x00"),
            IPOption(bytes([kind, 7, 4, 203, 0, 113, 9]))
        ])
    lab.from_pod(A, packet).dropped()


@case("local: extension headers {names}", names=("hbh", "dst", "hbh,dst", "frag", "hbh,dst,frag"))
def extension_headers(lab, names):
    packet = ip(A.ip[6], B.ip[6])
    for name in names.split(","):
        packet = packet / {
            "hbh": IPv6ExtHdrHopByHop, "dst": IPv6ExtHdrDestOpt, "frag": IPv6ExtHdrFragment
        }[name]()
    packet = packet / UDP(sport=1000, dport=80) / Raw(b"x" * 16)
    lab.from_pod(A, packet).delivered_or_passed(B, moved(packet))


@case("local: fragments are delivered or passed unchanged, IPv4")
def local_fragments(lab):
    for fields in (dict(flags="MF"), dict(frag=185), dict(flags="MF", frag=185)):
        packet = udp(A.ip[4], B.ip[4], 1000, 80, b"x" * 64, **fields)
        lab.from_pod(A, packet).delivered_or_passed(B, moved(packet))


@case("local: fragments and options to nonlocal destinations go to the stack, IPv4")
def uncommon_elsewhere(lab):
    for target in (C[4], W[4]):
        plain = udp(A.ip[4], target, 1000, 80, b"x" * 64)
        for fields in (dict(flags="MF"), dict(frag=185), dict(options=[IPOption(b"\x01" * 4)])):
            packet = udp(A.ip[4], target, 1000, 80, b"x" * 64, **fields)
            lab.from_pod(A, packet).passed()
            assert lab.from_pod(A, plain).redirects
            lab.from_pod(A, packet).passed()


@case("local: {protocol} with a truncated header is dropped, IPv{family}", family=BOTH,
      protocol=("tcp", "udp"))
def short_header(lab, family, protocol):
    whole = l4(protocol, A.ip[family], B.ip[family], 1000, 80)
    header = 20 if protocol == "tcp" else 8
    for size in range(header):
        packet = ip(A.ip[family], B.ip[family]) / Raw(bytes(whole[protocol.upper()])[:size])
        packet.setfieldval("proto" if family == 4 else "nh", 6 if protocol == "tcp" else 17)
        lab.from_pod(A, packet).dropped()


@case("local: VLAN frames are dropped or left to the stack, IPv{family}", family=BOTH,
      complete=False)
def vlan(lab, family):
    for tags in (Dot1Q(vlan=5), Dot1Q(vlan=5) / Dot1Q(vlan=6)):
        lab.from_pod(A, tags / udp(A.ip[family], B.ip[family], 1000, 80)).refused()
        lab.from_pod(A, tags / udp(W[family], B.ip[family], 1000, 80)).refused()


@case("host: A to the node's address {which}, IPv{family}", family=BOTH,
      which=("uplink", "second uplink"))
def to_host(lab, family, which):
    address = (N1 if which == "uplink" else N1B)[family]
    for protocol in PROTOCOLS:
        lab.from_pod(A, l4(protocol, A.ip[family], address, 1000, 80)).passed()


@case("routed: {protocol} A to a pod of another node keeps its address, IPv{family}", family=BOTH,
      protocol=PROTOCOLS)
def to_other_node(lab, family, protocol):
    packet = l4(protocol, A.ip[family], C[family], 1000, 80)
    lab.from_pod(A, packet).forwarded(packet)
    lab.to_net(moved(packet)).passed()


@case("routed: {protocol} A to the world leaves the pod's program with its address, IPv{family}",
      family=BOTH, protocol=PROTOCOLS)
def to_world(lab, family, protocol):
    packet = l4(protocol, A.ip[family], W[family], 1000, 80)
    lab.from_pod(A, packet).forwarded(packet)


@case("routed: from another node's pod to A, IPv{family}", family=BOTH)
def from_other_node(lab, family):
    for protocol in PROTOCOLS:
        packet = l4(protocol, C[family], A.ip[family], 80, 1000)
        lab.from_net(packet).delivered(A, moved(packet))


@case("routed: from the uplink to A with TTL {ttl} goes to the stack, IPv{family}", family=BOTH,
      ttl=(0, 1))
def inbound_ttl(lab, family, ttl):
    lab.from_net(udp(C[family], A.ip[family], 80, 1000, ttl=ttl)).passed()


@case("routed: larger than the MTU goes to the stack, IPv{family}", family=BOTH)
def too_big(lab, family):
    for target in (C[family], W[family]):
        lab.from_pod(A, udp(A.ip[family], target, 1000, 80, b"x" * 1600)).passed()


@case("routed: an unreachable route is left to the stack, IPv{family}", family=BOTH,
      complete=False)
def unreachable(lab, family):
    import subprocess
    target = {4: "203.0.112.1", 6: "2001:db8:9::1"}[family]
    for kind in ("unreachable", "blackhole", "prohibit"):
        subprocess.run(["ip", "route", "add", kind, target], check=True)
        try:
            lab.from_pod(A, udp(A.ip[family], target, 1000, 80)).refused()
        finally:
            subprocess.run(["ip", "route", "del", kind, target], check=True)


@case("routed: no route, and forwarding switched off", complete=False)
def forwarding_off(lab):
    path = "/proc/sys/net/ipv4/conf/podA/forwarding"
    with open(path, "w") as file:
        file.write("0")
    try:
        lab.from_pod(A, udp(A.ip[4], C[4], 1000, 80)).refused()
    finally:
        with open(path, "w") as file:
            file.write("1")


@case(
    "martian: A to {target} is dropped",
    target=("127.0.0.1", "127.255.0.1", "0.0.0.0", "0.1.2.3", "240.1.1.1", "255.255.255.255",
            "224.0.0.1", "239.1.2.3", "ff02::1", "ff02::fb", "ff05::2", "ff0e::1", "::1", "::"))
def martian(lab, target):
    family = 6 if ":" in target else 4
    lab.from_pod(A, udp(A.ip[family], target, 1000, 80)).dropped()


@case(
    "martian: A to {target} does not leave by the uplink",
    target=("127.0.0.1", "240.1.1.1", "255.255.255.255", "224.0.0.1", "ff02::1", "ff0e::1",
            "169.254.1.1", "fe80::9"))
def martian_uplink(lab, target):
    family = 6 if ":" in target else 4
    lab.to_net(udp(A.ip[family], target, 1000, 80)).dropped()


@case("hook: unknown ethertypes of a pod are never changed", complete=False)
def ethertypes(lab):
    from packets import Ether
    for kind in (0x88cc, 0x8847, 0x888e, 0x0027, 0xffff, 0x8863):
        frame = bytes(Ether(src=A.mac, dst=HOST_MAC, type=kind) / Raw(bytes(46)))
        lab.run("pp_from_pod", frame, A.interface).refused()
        lab.run("pp_to_net", frame, "up0").refused()
        lab.run("pp_from_net", frame, "up0").refused()


@case("hook: a header with an invalid {what}", what=("version", "ihl", "length"))
def lying_header(lab, what):
    fields = {"version": dict(version=6), "ihl": dict(ihl=4), "length": dict(len=10)}[what]
    packet = IP(src=A.ip[4], dst=W[4], ttl=9, proto=17, **fields) / UDP(sport=1000, dport=53) / Raw(
        b"x" * 20)
    for result in (lab.from_pod(A, packet), lab.from_net(packet)):
        assert result.drops or result.frame == result.sent, result.describe()
    if what != "length":
        lab.to_net(packet).dropped()
    six = IPv6(version=4, src=A.ip[6], dst=W[6], nh=17) / UDP(sport=1000, dport=53)
    if what == "version":
        lab.from_pod(A, six).refused()
        lab.to_net(six).dropped()


@case("local: a header with an invalid {what} is dropped, IPv{family}", family=BOTH,
      what=("version", "length"))
def lying_to_pod(lab, family, what):
    length = "len" if family == 4 else "plen"
    for protocol in ("tcp", "udp"):
        packet = l4(protocol, A.ip[family], B.ip[family], 1000, 80)
        packet = type(packet)(bytes(packet))
        lab.from_pod(A, packet).delivered(B, moved(packet))
        lies = dict(version=[10 - family]) if what == "version" else {
            length: [packet.getfieldval(length) + 1, 7]}
        for field, values in lies.items():
            for value in values:
                packet.setfieldval(field, value)
                lab.from_pod(A, packet).dropped()


@case("local: bytes beyond the length are padding, which is delivered, IPv{family}", family=BOTH)
def padded(lab, family):
    packet = udp(A.ip[family], B.ip[family], 1000, 80)
    padded = type(packet)(bytes(packet) + b"padding")
    lab.from_pod(A, padded).delivered(B, moved(padded))


@case("host: traffic of the node itself is unchanged, IPv{family}", family=BOTH)
def host_traffic(lab, family):
    for protocol in PROTOCOLS:
        lab.to_net(l4(protocol, N1[family], W[family], 1000, 80)).passed()
        lab.from_net(l4(protocol, W[family], N1[family], 80, 1000, answer=True)).passed()
    lab.from_net(tcp(W[family], N1[family], 40000, 80)).passed()


@case("host: transit traffic is unchanged, IPv{family}", family=BOTH)
def transit(lab, family):
    other_pool = {4: "10.10.7.7", 6: "fd00:10:0:7::7"}[family]
    for source in (C[family], other_pool, R[family]):
        lab.to_net(udp(source, W[family], 1000, 53)).passed()
    lab.from_net(udp(W[family], other_pool, 53, 1000)).passed()


@case("host: {kind} of the node's links passes", kind=("ARP", "NS", "RA", "MLD", "broadcast"),
      complete=False)
def link_traffic(lab, kind):
    from packets import ARP, ICMPv6ND_NS, ICMPv6Unknown
    packets = {
        "ARP": (ARP(psrc=R[4], pdst=N1[4], hwsrc="02:00:00:00:0a:01"), ARP(psrc=N1[4], pdst=R[4])),
        "NS": (ip(R[6], "ff02::1:ff00:10", 255) / ICMPv6ND_NS(tgt=N1[6]),
               ip(N1[6], R[6], 255) / ICMPv6ND_NS(tgt=R[6])),
        "RA": (ip("fe80::1", "ff02::1", 255) / ICMPv6Unknown(type=134, msgbody=bytes(12)),
               ip("fe80::10", "ff02::2", 255) / ICMPv6Unknown(type=133, msgbody=bytes(4))),
        "MLD": (ip("fe80::1", "ff02::1", 1) / IPv6ExtHdrHopByHop() /
                ICMPv6Unknown(type=130, msgbody=bytes(24)), ip("fe80::10", "ff02::16", 1) /
                IPv6ExtHdrHopByHop() / ICMPv6Unknown(type=143, msgbody=bytes(8))),
        "broadcast": (udp(R[4], "255.255.255.255", 67, 68), udp("0.0.0.0", "255.255.255.255", 68,
                                                                67)),
    }[kind]
    lab.from_net(packets[0]).passed()
    lab.to_net(packets[1]).passed()


@case("local: ICMP redirect of a pod (type {kind}) is dropped", kind=(5, 137))
def redirects(lab, kind):
    if kind == 5:
        for target in (B.ip[4], N1[4]):
            lab.from_pod(
                A,
                ip(A.ip[4], target) / ICMP(type=5, code=1, gw="10.10.0.9") /
                Raw(bytes(udp(B.ip[4], W[4], 1, 2))[:28])).dropped()
        return
    from packets import ICMPv6Unknown
    for target in (B.ip[6], N1[6], "ff02::1"):
        lab.from_pod(A,
                     ip(A.ip[6], target, 255) /
                     ICMPv6Unknown(type=137, msgbody=bytes(36))).dropped()


@case("local: GRE, IPIP and ESP between pods are delivered")
def tunnels(lab):
    for number in (4, 41, 47, 50, 51, 89, 255):
        packet = other(A.ip[4], B.ip[4], number)
        lab.from_pod(A, packet).delivered_or_passed(B, moved(packet))


@case("local: addresses with the same entry in pp_pod_cache do not collide, IPv{family}", cached=False,
      family=BOTH)
def shared_place(lab, family):
    # its bits 0 and 12 fall on each other
    twin = type(D)(**{**vars(D), "ip": {**D.ip, family: address_of(B.ip[family], 0x1001)}})
    lab.put_pod(twin)
    for _ in range(3):
        for to in B, twin:
            packet = udp(A.ip[family], to.ip[family], 1, 2)
            lab.from_pod(A, packet).delivered(to, moved(packet))
    entries = lab.maps["pp_pod_cache"][0]["entry"]
    assert sum(entry["address"] != 0 for entry in entries) == 1, "they do not share an entry"


@case("local: the zero address does not match a pod without the family", complete=False)
def none(lab):
    first = type(D)(**{**vars(D), "slot": 0, "mac": pod_mac(0), "ip": {4: D.ip[4], 6: "::"}})
    lab.put_pod(first)
    lab.take("pp_pod_ips", "::")
    lab.from_pod(A, udp(A.ip[6], "::", 1, 2)).dropped()
    lab.from_pod(A, udp(A.ip[4], "0.0.0.0", 1, 2)).dropped()


@case("local: an invalid header checksum is dropped, {options} words of options, bit {bit}", bit=(0, 7, 15),
      options=(0, 1, 10))
def wrong_header_sum(lab, bit, options):
    for target in (B.ip[4], N1[4], C[4], W[4]):
        for protocol in ("tcp", "udp", "echo"):
            packet = l4(protocol, A.ip[4], target, 1000, 80, options=[IPOption(b"\x01" * 4)] * options)
            packet = IP(bytes(packet))
            packet.chksum ^= 1 << bit
            lab.from_pod(A, packet).dropped()
    assert lab.counted("malformed") == 12
