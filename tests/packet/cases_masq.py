# SPDX-License-Identifier: GPL-2.0-only
"""Masquerade at the uplink: translation, exclusions, and the reverse path."""
from cases import BOTH, case, masquerade, port_of
from lab import A, B, C, D, N1, N1B, N2, R, UNALLOCATED, V, W, W2
from packets import (ICMP, IP, IPv6, PROTOCOLS, UDP, ICMPv6Unknown, Raw, error, ip, l4, moved, other,
                     reply, sctp, tcp, translated, udp)

PORTED = ("tcp", "udp", "echo")


def back(protocol, family, port, source=W, dport=80, address=N1, **fields):
    """The reply to a packet that left by @port."""
    sport = 0 if protocol == "echo" else dport
    return l4(protocol, source[family], address[family], sport, port, answer=True, **fields)


def native(packet, pod, family, port):
    """The reply as the pod must see it."""
    return moved(translated(packet, dst=pod.ip[family], dport=port))


@case(
    "masquerade: {protocol} leaves as the node and its reply returns, ranges {ranges}, IPv{family}",
    family=BOTH, protocol=PROTOCOLS, ranges=("known", "unknown"))
def there_and_back(lab, family, protocol, ranges):
    if ranges == "unknown":
        lab.maps["pp_ranges"][0] = {}
    for _ in range(3):
        packet = l4(protocol, A.ip[family], W[family], 1000, 80)
        port = masquerade(lab, packet, family, protocol)
        if protocol in ("tcp", "udp"):
            assert 49152 <= port <= 65535, f"port {port} is out of the range"
        if protocol == "sctp":
            assert port == 1000, f"SCTP's port became {port}"
        answer = back(protocol, family, port)
        lab.from_net(answer).delivered(A, native(answer, A, family, 1000))


@case("masquerade: {protocol} uses one port for every packet, IPv{family}",
      family=BOTH, protocol=PORTED)
def one_port(lab, family, protocol):
    ports = {
        masquerade(lab, l4(protocol, A.ip[family], W[family], 1000, 80), family, protocol)
        for _ in range(5)
    }
    assert len(ports) == 1, f"ports {ports}"
    assert len(lab.maps["pp_flow_rev"]) == 1


@case("masquerade: a source port in the range is kept if free, IPv{family}", family=BOTH)
def port_preserved(lab, family):
    for port in (49152, 50000, 65535):
        for protocol in ("tcp", "udp"):
            got = masquerade(lab, l4(protocol, A.ip[family], W[family], port, 80), family, protocol)
            assert got == port, f"{protocol} port {port} became {got}"


@case("masquerade: source port {port} outside the range moves into it, IPv{family}", family=BOTH,
      port=(1, 1023, 49151, 32768))
def port_moved(lab, family, port):
    for protocol in ("tcp", "udp"):
        got = masquerade(lab, l4(protocol, A.ip[family], W[family], port, 80), family, protocol)
        assert 49152 <= got <= 65535, f"{protocol} port {port} became {got}"


@case("masquerade: the same {protocol} port of two pods to one remote, IPv{family}", family=BOTH,
      protocol=PORTED)
def two_pods(lab, family, protocol):
    ports = {}
    for pod in (A, B, D):
        ports[pod.name] = masquerade(lab, l4(protocol, pod.ip[family], W[family], 50000, 80),
                                     family, protocol)
    assert len(set(ports.values())) == 3, f"ports {ports}"
    for pod in (A, B, D):
        answer = back(protocol, family, ports[pod.name])
        lab.from_net(answer).delivered(pod, native(answer, pod, family, 50000))


@case("masquerade: one {protocol} port to two remotes, separate replies, IPv{family}", family=BOTH,
      protocol=PORTED)
def two_remotes(lab, family, protocol):
    for remote in (W, W2):
        port = masquerade(lab, l4(protocol, A.ip[family], remote[family], 50000, 80), family,
                          protocol)
        answer = back(protocol, family, port, remote)
        lab.from_net(answer).delivered(A, native(answer, A, family, 50000))
    assert len(lab.maps["pp_flow_rev"]) == 2


@case("filter: a mapped {protocol} port is closed to other hosts and ports, IPv{family}",
      family=BOTH, protocol=PORTED)
def filtering(lab, family, protocol):
    port = masquerade(lab, l4(protocol, A.ip[family], W[family], 50000, 80), family, protocol)
    lab.from_net(back(protocol, family, port, W2)).passed()
    if protocol != "echo":
        lab.from_net(back(protocol, family, port, dport=81)).passed()
        lab.from_net(back(protocol, family, port + 1)).passed()
        lab.from_net(l4("udp" if protocol == "tcp" else "tcp", W[family], N1[family], 80,
                        port)).passed()
    lab.from_net(back(protocol, family, port, address=N1B)).passed()


@case("filter: a port scan of the range reaches no pod, IPv{family}", family=BOTH, complete=False)
def scan(lab, family):
    port = masquerade(lab, tcp(A.ip[family], W[family], 50000, 80), family, "tcp")
    for guess in (49152, 49153, 50001, 65535, port - 1):
        for flags in ("S", "A", "FA", "R"):
            lab.from_net(tcp(W[family], N1[family], 80, guess, flags)).passed()


@case("filter: an echo request is not a reply, IPv{family}", family=BOTH)
def echo_request_back(lab, family):
    ident = masquerade(lab, l4("echo", A.ip[family], W[family], 50000, 0), family, "echo")
    lab.from_net(l4("echo", W[family], N1[family], ident, 0)).passed()


@case("masquerade: a reply with TTL {ttl} is not delivered, IPv{family}", family=BOTH, ttl=(0, 1))
def answer_ttl(lab, family, ttl):
    port = masquerade(lab, udp(A.ip[family], W[family], 1000, 80), family, "udp")
    answer = back("udp", family, port, ttl=ttl)
    result = lab.from_net(answer)
    assert not result.redirects, result.describe()
    if result.passes and result.frame != result.sent:  # the stack then reports time exceeded
        result.leaves(translated(answer, dst=A.ip[family], dport=1000))


@case("checksum: UDP without one stays without, IPv4")
def no_checksum(lab):
    packet = udp(A.ip[4], W[4], 1000, 80)
    packet[UDP].chksum = 0
    port = masquerade(lab, packet, 4, "udp")
    answer = back("udp", 4, port)
    answer[UDP].chksum = 0
    lab.from_net(answer).delivered(A, native(answer, A, 4, 1000))


@case("checksum: UDP whose sum comes to zero is sent as ffff, IPv{family}", family=BOTH)
def mangled_zero(lab, family):
    port = masquerade(lab, udp(A.ip[family], W[family], 1000, 80, b"\0\0"), family, "udp")
    sample = bytes(
        translated(udp(A.ip[family], W[family], 1000, 80, b"\0\0"), src=N1[family], sport=port))
    start = 26 if family == 4 else 46
    filler = sample[start:start +
                    2]  # adding the sum to the data makes it ffff, sent as ffff not 0000
    packet = udp(A.ip[family], W[family], 1000, 80, filler)
    wire = bytes(translated(packet, src=N1[family], sport=port))
    assert wire[start:start + 2] == b"\xff\xff", wire[start:start + 2].hex()
    lab.to_net(packet).leaves(translated(packet, src=N1[family], sport=port))


@case("checksum: odd lengths and all sums, {protocol} IPv{family}", family=BOTH, protocol=PORTED)
def odd_lengths(lab, family, protocol):
    for size in (0, 1, 2, 3, 7, 1399):
        packet = l4(protocol, A.ip[family], W[family], 1000, 80, data=bytes([size & 255]) * size)
        port = masquerade(lab, packet, family, protocol)
        answer = back(protocol, family, port, data=b"\xfe" * size)
        lab.from_net(answer).delivered(A, native(answer, A, family, 1000))


@case("checksum: an invalid one stays off by the same amount, {protocol} IPv{family}", family=BOTH,
      protocol=("tcp", "udp"))
def wrong_checksum(lab, family, protocol):
    packet = l4(protocol, A.ip[family], W[family], 50000, 80)
    good = bytes(packet)
    start = (20 if family == 4 else 40) + (16 if protocol == "tcp" else 6)
    port = masquerade(lab, packet, family, protocol)
    right = bytes(translated(packet, src=N1[family], sport=port))
    shift = 0x1111
    bad_in, bad_out = (int.from_bytes(x[start:start + 2], "big") for x in (good, right))
    bad = good[:start] + add16(bad_in, shift) + good[start + 2:]
    result = lab.to_net((IP if family == 4 else IPv6)(bad))
    wanted = right[:start] + add16(bad_out, shift) + right[start + 2:]
    assert result.frame[14:] == wanted, f"{result.frame[14:].hex()}\n   {wanted.hex()}"


def add16(number, more):
    total = number + more
    return ((total & 0xffff) + (total >> 16)).to_bytes(2, "big")


@case("exclude: {what} keeps the pod's address, IPv{family}", family=BOTH,
      what=("native CIDR", "agent's CIDR", "node", "pod of the node", "pod of another node"))
def excluded(lab, family, what):
    target = {
        "native CIDR": W, "agent's CIDR": W, "node": N2, "pod of the node": B.ip,
        "pod of another node": C
    }[what][family]
    if what == "native CIDR":
        lab.put_nomasq(*{4: ("203.0.113.0", 24), 6: ("2001:db8:2::", 48)}[family], "NOMASQ_NATIVE")
    if what == "agent's CIDR":
        lab.put_nomasq(*{4: ("203.0.113.0", 30), 6: ("2001:db8:2::", 125)}[family], "NOMASQ_AGENT")
        lab.put_nomasq(*{4: ("203.0.113.4", 30), 6: ("2001:db8:2::", 64)}[family], "NOMASQ_AGENT")
    for protocol in PROTOCOLS:
        lab.to_net(l4(protocol, A.ip[family], target, 1000, 80)).passed()
    assert len(lab.maps["pp_flow_fwd"]) == 0


@case("exclude: a prefix of the other family does not match")
def other_family(lab):
    lab.put_nomasq("::", 0, "NOMASQ_NATIVE")
    lab.maps["pp_nomasq"].clear()
    lab.put_nomasq("fd00::", 8, "NOMASQ_NATIVE")
    masquerade(lab, udp(A.ip[4], W[4], 1000, 80), 4, "udp")


@case("exclude: a new exclusion affects new flows only, IPv{family}", family=BOTH)
def exclusion_later(lab, family):
    packet = tcp(A.ip[family], W[family], 1000, 80)
    port = masquerade(lab, packet, family, "tcp")
    lab.put_nomasq(W[family], {4: 32, 6: 128}[family], "NOMASQ_AGENT")
    more = tcp(A.ip[family], W[family], 1000, 80, "A")
    assert masquerade(lab, more, family, "tcp") == port
    lab.to_net(tcp(A.ip[family], W[family], 1001, 80)).passed()


@case("exclude: a pool with skip-masquerade, IPv{family}", family=BOTH)
def skip_masquerade(lab, family):
    lab.maps["pp_pools"][2] = dict(name="mars", state="POOL_ACTIVE", flags=4)
    for protocol in PROTOCOLS:
        lab.to_net(l4(protocol, D.ip[family], W[family], 1000, 80)).passed()
    masquerade(lab, udp(A.ip[family], W[family], 1000, 80), family, "udp")


@case("exclude: only-masquerade-default-pool, IPv{family}", family=BOTH)
def only_default_pool(lab, family):
    lab.set_config(masquerade_default_only=1)
    lab.to_net(udp(D.ip[family], W[family], 1000, 80)).passed()
    masquerade(lab, udp(A.ip[family], W[family], 1000, 80), family, "udp")


@case("exclude: masquerade off for IPv{family} only", family=BOTH)
def family_switch(lab, family):
    lab.set_config(masquerade=[0, 1] if family == 4 else [1, 0])
    for protocol in PROTOCOLS:
        lab.to_net(l4(protocol, A.ip[family], W[family], 1000, 80)).passed()
    masquerade(lab, udp(A.ip[10 - family], W[10 - family], 1000, 80), 10 - family, "udp")


@case("leak: the source {what} is dropped at the uplink, IPv{family}", family=BOTH,
      what=("nobody has", "of a pod that is gone", "of a pod in the making"))
def no_pod(lab, family, what):
    source = A.ip[family]
    if what == "nobody has":
        source = UNALLOCATED[family]
    elif what == "of a pod that is gone":
        lab.remove_pod(A)
    else:
        lab.put_pod(A, state="POD_RESERVED")
    for protocol in PROTOCOLS:
        lab.to_net(l4(protocol, source, W[family], 1000, 80)).dropped()


@case("leak: an uplink without an address, IPv{family}", family=BOTH, lab="small")
def no_address(lab, family):
    lab.maps["pp_uplinks"][lab.ifindex["up0"]] = dict(ifname="up0")
    for protocol in PROTOCOLS:
        lab.to_net(l4(protocol, A.ip[family], W[family], 1000, 80)).dropped()


@case("uplinks: each has its own address, IPv{family}", family=BOTH)
def two_uplinks(lab, family):
    one = masquerade(lab, udp(A.ip[family], W[family], 1000, 80), family, "udp")
    two = masquerade(lab, udp(A.ip[family], V[family], 1000, 80), family, "udp", "up1", N1B)
    answer = back("udp", family, one)
    lab.from_net(answer).delivered(A, native(answer, A, family, 1000))
    answer = back("udp", family, two, V, address=N1B)
    lab.from_net(answer, "up1").delivered(A, native(answer, A, family, 1000))


@case("uplinks: the address without fib source lookup, IPv{family}", family=BOTH, lab="small")
def uplink_address(lab, family):
    masquerade(lab, udp(A.ip[family], W[family], 1000, 80), family, "udp")
    masquerade(lab, udp(A.ip[family], V[family], 1000, 80), family, "udp", "up1", N1B)


@case("uplinks: a flow that moves to another uplink never shows the pod's address, IPv{family}",
      family=BOTH)
def moved_uplink(lab, family):
    packet = udp(A.ip[family], W[family], 1000, 80)
    masquerade(lab, packet, family, "udp")
    result = lab.to_net(packet, "up1")
    if result.drops:
        return
    port = port_of(result.frame, family, "udp")
    wire = [bytes(translated(packet, src=a[family], sport=port)) for a in (N1, N1B)]
    assert result.frame[14:] in wire, result.describe()


@case("uplinks: a packet by another uplink than the route's gets that one's address, IPv{family}",
      family=BOTH)
def policy_routed(lab, family):
    masquerade(lab, udp(A.ip[family], V[family], 1000, 80), family, "udp")
    masquerade(lab, udp(A.ip[family], W[family], 1000, 80), family, "udp", "up1", N1B)


@case("uplinks: the source that the route names, IPv{family}", family=BOTH)
def route_source(lab, family):
    import subprocess
    hint, target = {4: ("192.0.2.77", "203.0.113.99"),
                    6: ("2001:db8:f::77", "2001:db8:2::99")}[family]
    commands = (f"addr add {hint}/{'32' if family == 4 else '128 nodad'} dev lo",
                f"route add {target} via {R[family]} dev up0 src {hint}")
    undo = (f"route del {target}", f"addr del {hint}/{32 if family == 4 else 128} dev lo")
    for command in commands:
        subprocess.run(["ip", f"-{family}", *command.split()], check=True)
    try:
        masquerade(lab, udp(A.ip[family], target, 1000, 80), family, "udp", address={family: hint})
    finally:
        for command in undo:
            subprocess.run(["ip", f"-{family}", *command.split()], check=True)


@case("sctp: the second pod with the same port and remote is refused, IPv{family}", family=BOTH)
def sctp_taken(lab, family):
    masquerade(lab, sctp(A.ip[family], W[family], 1000, 80), family, "sctp")
    lab.to_net(sctp(B.ip[family], W[family], 1000, 80)).dropped()
    masquerade(lab, sctp(B.ip[family], W[family], 1001, 80), family, "sctp")
    masquerade(lab, sctp(B.ip[family], W2[family], 1000, 80), family, "sctp")
    answer = back("sctp", family, 1000)
    lab.from_net(answer).delivered(A, native(answer, A, family, 1000))


@case("other: protocol {number} has one pod per remote, IPv{family}", family=BOTH,
      number=(47, 50, 4, 41, 115))
def one_owner(lab, family, number):
    packet = other(A.ip[family], W[family], number)
    lab.to_net(packet).leaves(translated(packet, src=N1[family]))
    lab.to_net(other(B.ip[family], W[family], number)).dropped()
    second = other(B.ip[family], W2[family], number)
    lab.to_net(second).leaves(translated(second, src=N1[family]))
    for remote, pod in ((W, A), (W2, B)):
        answer = other(remote[family], N1[family], number)
        lab.from_net(answer).delivered(pod, moved(translated(answer, dst=pod.ip[family])))
    lab.from_net(other(V[family], N1[family], number)).passed()


@case(
    "other: protocol {number}, whose checksum may cover addresses, is dropped or translated, IPv{family}",
    family=BOTH, number=(33, 103, 112, 136, 253))
def unknown_protocols(lab, family, number):
    packet = other(A.ip[family], W[family], number)
    result = lab.to_net(packet)
    if not result.drops:
        result.leaves(translated(packet, src=N1[family]))


@case("icmp: identifier 0 is valid, IPv{family}", family=BOTH)
def ident_zero(lab, family):
    ident = masquerade(lab, l4("echo", A.ip[family], W[family], 0, 0), family, "echo")
    answer = back("echo", family, ident)
    lab.from_net(answer).delivered(A, native(answer, A, family, 0))
    lab.from_net(l4("echo", W[family], N1[family], ident, 0)).passed()
    lab.to_net(reply(A.ip[family], W[family], 0)).dropped()
    if family == 4:
        for kind in (13, 14, 5):
            lab.from_net(ip(W[4], N1[4]) / ICMP(type=kind)).passed()
            lab.to_net(ip(A.ip[4], W[4]) / ICMP(type=kind)).dropped()


@case("icmp: type {kind} of a pod does not leave", kind=(9, 10, 13, 14, 15, 16, 17, 18, 40, 42))
def icmp_queries(lab, kind):
    lab.to_net(ip(A.ip[4], W[4]) / ICMP(type=kind)).dropped()
    assert len(lab.maps["pp_flow_rev"]) == 0


@case("icmp: ICMPv6 type {kind} of a pod does not leave",
      kind=(130, 131, 133, 134, 135, 136, 137, 139, 140, 143))
def icmpv6_queries(lab, kind):
    lab.to_net(ip(A.ip[6], W[6], 255) / ICMPv6Unknown(type=kind, msgbody=bytes(20))).dropped()
    assert len(lab.maps["pp_flow_rev"]) == 0


@case("icmp: an echo reply does not create a flow, IPv{family}", family=BOTH)
def echo_reply(lab, family):
    lab.to_net(reply(A.ip[family], W[family], 77)).dropped()
    masquerade(lab, l4("echo", A.ip[family], W[family], 77, 0), family, "echo")
    lab.to_net(reply(A.ip[family], W[family], 77)).dropped()
    assert len(lab.maps["pp_flow_rev"]) == 1


@case("icmp: ICMP of the other family in IPv{family} does not leak", family=BOTH)
def wrong_icmp(lab, family):
    packet = other(A.ip[family], W[family], 58 if family == 4 else 1,
                   b"\x80\0\0\0\0\1\0\1" + b"\x08\0\0\0\0\1\0\1")
    result = lab.to_net(packet)
    if not result.drops:
        result.leaves(translated(packet, src=N1[family]))


@case(
    "tcp: a segment without SYN and flow opens one or is dropped, never leaked, IPv{family}",
    family=BOTH, flags=("A", "PA", "FA", "R", "RA", "SA", ""))
def mid_flow(lab, family, flags):
    packet = tcp(A.ip[family], W[family], 1000, 80, flags)
    result = lab.to_net(packet)
    if not result.drops:
        result.leaves(translated(packet, src=N1[family], sport=port_of(result.frame, family,
                                                                       "tcp")))


@case("tcp: options, data and header length, IPv{family}", family=BOTH)
def tcp_options(lab, family):
    packet = tcp(A.ip[family], W[family], 1000, 80, data=b"x" * 33)
    packet["TCP"].options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 2)), ("NOP", None),
                             ("WScale", 7)]
    masquerade(lab, packet, family, "tcp")


@case("reuse: a pod's flows end with it; its successor gets no replies, IPv{family}",
      family=BOTH)
def heir(lab, family):
    ports = {
        p: masquerade(lab, l4(p, A.ip[family], W[family], 50000, 80), family, p)
        for p in PROTOCOLS
    }
    lab.remove_pod(A)
    for protocol in PROTOCOLS:
        result = lab.from_net(back(protocol, family, ports[protocol]))
        assert not result.redirects, result.describe()
    lab.put_pod(A, generation=A.generation + 10)
    for protocol in PROTOCOLS:
        result = lab.from_net(back(protocol, family, ports[protocol]))
        assert not result.redirects, "to the heir: " + result.describe()
    for protocol in ("sctp", "gre"):  # which the node's stack refuses
        late = back(protocol, family, ports[protocol])
        kind, code = {4: (3, 2), 6: (4, 1)}[family]
        lab.to_net(error(N1[family], W[family], kind, code, late)).passed()
    for protocol in PROTOCOLS:  # and the successor can use the old ports at once
        packet = l4(protocol, A.ip[family], W[family], 50000, 80)
        assert masquerade(lab, packet, family, protocol) == (50000 if protocol != "gre" else None)


@case("reuse: the same address in another slot, IPv{family}", family=BOTH)
def heir_in_other_slot(lab, family):
    port = masquerade(lab, udp(A.ip[family], W[family], 50000, 80), family, "udp")
    lab.remove_pod(A)
    heir_pod = type(A)(**{**vars(A), "slot": 8, "mac": "02:70:70:00:00:08", "generation": 98})
    lab.put_pod(heir_pod)
    result = lab.from_net(back("udp", family, port))
    assert not result.redirects, result.describe()
    packet = udp(A.ip[family], W[family], 50000, 80)
    port = masquerade(lab, packet, family, "udp")
    answer = back("udp", family, port)
    lab.from_net(answer).delivered(heir_pod, native(answer, heir_pod, family, 50000))


@case("masquerade: IPv4 options, {words} words", words=(1, 10))
def masqueraded_options(lab, words):
    from packets import IPOption
    packet = udp(A.ip[4], W[4], 50000, 80, options=[IPOption(b"\x01" * 4)] * words)
    lab.to_net(packet).leaves(translated(packet, src=N1[4], sport=50000))
    answer = udp(W[4], N1[4], 80, 50000, options=[IPOption(b"\x01" * 4)] * words)
    wanted = translated(answer, dst=A.ip[4], dport=50000)
    result = lab.from_net(answer)
    if result.redirects:
        result.delivered(A, moved(wanted))
    else:
        result.leaves(wanted)


@case("masquerade: extension headers {names}", names=("hbh", "dst", "hbh,dst", "dst,dst,dst"))
def masqueraded_extensions(lab, names):
    from packets import IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop

    def stacked(source, target, sport, dport):
        packet = ip(source, target)
        for name in names.split(","):
            packet = packet / {"hbh": IPv6ExtHdrHopByHop, "dst": IPv6ExtHdrDestOpt}[name]()
        return packet / UDP(sport=sport, dport=dport) / Raw(b"x" * 9)

    packet = stacked(A.ip[6], W[6], 50000, 80)
    lab.to_net(packet).leaves(translated(packet, src=N1[6], sport=50000))
    answer = stacked(W[6], N1[6], 80, 50000)
    wanted = translated(answer, dst=A.ip[6], dport=50000)
    result = lab.from_net(answer)
    if result.redirects:
        result.delivered(A, moved(wanted))
    else:
        result.leaves(wanted)


@case("masquerade: too many or truncated extension headers are dropped")
def bad_extensions(lab):
    from packets import IPv6ExtHdrDestOpt
    packet = ip(A.ip[6], W[6])
    for _ in range(20):
        packet = packet / IPv6ExtHdrDestOpt()
    lab.to_net(packet / UDP(sport=1000, dport=53)).dropped()
    for number in (0, 43, 44, 60, 51):
        lab.to_net(ip(A.ip[6], W[6], nh=number) / Raw(b"\x11")).dropped()
        if number != 44:  # without a length byte
            lab.to_net(ip(A.ip[6], W[6], nh=number) / Raw(b"\x11\xff" + bytes(14))).dropped()


@case("masquerade: no next header and ESP are translated by address alone, or dropped")
def no_next(lab):
    for number in (59, 50):
        packet = other(A.ip[6], W[6], number)
        result = lab.to_net(packet)
        if not result.drops:
            result.leaves(translated(packet, src=N1[6]))
