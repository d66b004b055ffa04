# SPDX-License-Identifier: GPL-2.0-only
"""Forbidden addresses and frames are refused on every path."""
import subprocess

from cases import BOTH, case
from lab import (A, B, BROADCAST, C, D, GATEWAY, MACS, N1, N1B, N2, R, ROUTER_MAC, UNALLOCATED,
                 W, XDP_DROP, XDP_PASS)
from packets import (Dot1Q, Ether, ICMPv6Unknown, IPOption, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                     PROTOCOLS, Raw, UDP, error, ip, l4, middle, moved, tcp, translated, udp)

# --- what a pod sends ---------------------------------------------------------------------------

NOWHERE = ("127.0.0.1", "127.255.0.1", "0.0.0.0", "0.1.2.3", "240.1.1.1", "255.255.255.255",
           "224.0.0.1", "239.1.2.3", "ff02::1", "ff02::fb", "ff0e::1", "::1", "::",
           "::ffff:127.0.0.1", *BROADCAST)
UNUSUAL = ("nothing", "TTL 0", "TTL 1", "options", "a fragment", "a later fragment", "host ports",
           "host ports, TTL 1")


def is6(address):
    return ":" in address


def unusual(how, source, target, **fields):
    """A TCP or UDP packet with a property that excludes it from the fast path."""
    if "TTL" in how:
        fields["ttl"] = int(how[-1])
    if how == "options":
        if not is6(target):
            return udp(source, target, 1000, 80, options=[IPOption(b"\x01" * 4)], **fields)
        return ip(source, target) / IPv6ExtHdrDestOpt() / UDP(sport=1000, dport=80) / Raw(b"x" * 8)
    if "fragment" in how:
        offset = 185 if "later" in how else 0
        if not is6(target):
            return udp(source, target, 1000, 80, flags="MF", frag=offset, **fields)
        return ip(source, target) / IPv6ExtHdrFragment(nh=17, offset=offset, m=1, id=9) / UDP(
            sport=1000, dport=80) / Raw(bytes(16))
    return tcp(source, target, 1000, 80, **fields)


def via_stack(lab, how):
    if "host ports" in how:
        lab.put_pod(A, flags=1)  # POD_BY_STACK


@case("trust: A to {target} with {how} does not reach the node", target=NOWHERE, how=UNUSUAL,
      complete=False)
def nowhere(lab, target, how):
    via_stack(lab, how)
    lab.from_pod(A, unusual(how, A.ip[6 if is6(target) else 4], target)).dropped()


@case("trust: A to the node's own address with {how} reaches it, IPv{family}", family=BOTH, how=UNUSUAL)
def own_address(lab, family, how):
    via_stack(lab, how)
    for address in (N1[family], N1B[family]):
        lab.from_pod(A, unusual(how, A.ip[family], address)).passed()


@case("trust: A to another pod with {how} is passed or delivered, IPv{family}", family=BOTH, how=UNUSUAL)
def other_pod(lab, family, how):
    via_stack(lab, how)
    packet = unusual(how, A.ip[family], B.ip[family])
    if "TTL" in how:
        lab.from_pod(A, packet).passed()
    else:
        lab.from_pod(A, packet).delivered_or_passed(B, moved(packet))


@case("trust: a broadcast address that pods have is delivered", complete=False)
def broadcast_pod(lab):
    lab.put_nomasq(B.ip[4], 32, "NOMASQ_BROADCAST")
    packet = udp(A.ip[4], B.ip[4], 1000, 80)
    lab.from_pod(A, packet).delivered(B, moved(packet))


@case("trust: the last address of a former subnet is not a broadcast address", complete=False)
def broadcast_gone(lab):
    lab.put_nomasq(W[4], 32, "NOMASQ_BROADCAST")
    packet = udp(A.ip[4], W[4], 1000, 80)
    lab.from_pod(A, packet).forwarded(packet)
    lab.to_net(packet).leaves(translated(packet, src=N1[4], sport=lab_port(lab)))


def lab_port(lab):
    flows = [f["masq_port"] for f in (lab.maps["pp_flows"][n] for n in range(1024)) if f["masq_port"]]
    assert len(flows) == 1, f"{len(flows)} flows"
    return flows[0]


@case("trust: DHCPv6 from a link-local source to the host is dropped", complete=False)
def link_local_dhcp(lab):
    lab.from_pod(A, udp("fe80::70", GATEWAY[6], 547, 546)).dropped()
    lab.from_pod(A, udp("fe80::70", GATEWAY[6], 546, 547)).passed()


# --- link-local destinations --------------------------------------------------------------------

CLOUD = ("169.254.169.254", "169.254.169.123", "169.254.0.1", "169.254.255.254")


@case("link-local: {protocol} of A to {target} by the uplink's route is masqueraded", target=CLOUD,
      protocol=("tcp", "udp", "echo"))
def cloud(lab, target, protocol):
    from cases import masquerade
    packet = l4(protocol, A.ip[4], target, 1000, 80)
    for _ in range(2):
        lab.from_pod(A, packet).forwarded(packet)
        port = masquerade(lab, packet, 4, protocol)
    back = l4(protocol, target, N1[4], 80, port, answer=True)
    whole = l4(protocol, target, A.ip[4], 80, 1000, answer=True)
    lab.from_net(back).delivered(A, moved(whole))


@case("link-local: to the cloud with {how}, via the stack", how=UNUSUAL[1:])
def cloud_unusual(lab, how):
    via_stack(lab, how)
    lab.from_pod(A, unusual(how, A.ip[4], CLOUD[0])).passed()


@case("link-local: where masqLinkLocal is off, A's address is kept")
def cloud_kept(lab):
    lab.put_nomasq("169.254.0.0", 16, "NOMASQ_AGENT")
    for _ in range(3):
        lab.to_net(tcp(A.ip[4], CLOUD[0], 1000, 80)).passed()
    assert lab.counted("out_native") == 3
    # and its peer may reply, but never from the gateway's address
    for protocol in ("tcp", "udp"):
        packet = middle(protocol, CLOUD[0], A.ip[4], 80, 1000)
        lab.from_net(packet).delivered(A, moved(packet))
        assert not guarded(lab, packet)
        stranger = middle(protocol, GATEWAY[4], A.ip[4], 80, 1000)
        lab.from_net(stranger).dropped()
        assert guarded(lab, stranger)


@case("link-local: an address of the node goes to the stack", complete=False)
def link_local_own(lab):
    lab.put_nomasq(GATEWAY[4], 32, "NOMASQ_OWN")
    for address in ("169.254.7.7", GATEWAY[4]):
        subprocess.run(["ip", "addr", "add", address, "dev", "lo"], check=True)
        try:
            lab.from_pod(A, udp(A.ip[4], address, 1000, 80)).passed()
            lab.from_pod(A, udp(A.ip[4], address, 1000, 80, ttl=1)).passed()
        finally:
            subprocess.run(["ip", "addr", "del", address, "dev", "lo"], check=True)


@case("link-local: the gateway is never forwarded, {how}", how=UNUSUAL)
def gateway(lab, how):
    via_stack(lab, how)
    lab.from_pod(A, unusual(how, A.ip[4], GATEWAY[4])).dropped()
    lab.to_net(unusual(how, A.ip[4], GATEWAY[4])).dropped()
    assert lab.counted("link_local") == 2
    # not even if options make its prefix native
    lab.put_nomasq("169.254.0.0", 16, "NOMASQ_NATIVE")
    lab.from_pod(A, unusual(how, A.ip[4], GATEWAY[4])).dropped()
    lab.to_net(unusual(how, A.ip[4], GATEWAY[4])).dropped()


@case("link-local: IPv6 never leaves, {how}", how=UNUSUAL[:6])
def link_local_ipv6(lab, how):
    for target in ("fe80::9", "fe80::a9fe:a9fe", GATEWAY[6], "febf::1"):
        lab.to_net(unusual(how, A.ip[6], target)).dropped()


# --- frames of the uplink -----------------------------------------------------------------------

# a test run has no skb->mac_len, which the kernel needs to take a tag's part out of skb->csum: those
# that strip tags run without CHECKSUM_COMPLETE
TAGS = {
    "one priority tag": (Dot1Q(vlan=0, prio=5), ),
    "two priority tags": (Dot1Q(vlan=0, prio=5), Dot1Q(vlan=0, prio=3)),
    "a provider's priority tag": (Dot1Q(vlan=0), ),
}
REAL = {
    "a VLAN": (Dot1Q(vlan=5), ), "two VLANs": (Dot1Q(vlan=5), Dot1Q(vlan=6)),
    "a VLAN in a priority tag": (Dot1Q(vlan=0), Dot1Q(vlan=6)),
    "a priority tag in a VLAN": (Dot1Q(vlan=5), Dot1Q(vlan=0)),
}


def tagged(packet, tags, dst=MACS["up0"]):
    head = Ether(src=ROUTER_MAC, dst=dst)
    for tag in tags:
        head = head / tag
    frame = bytes(head / packet)
    provider = tags is TAGS["a provider's priority tag"]
    return frame[:12] + b"\x88\xa8" + frame[14:] if provider else frame


def from_net(lab, packet, tags=(), dst=MACS["up0"]):
    return lab.run("pp_from_net", tagged(packet, tags, dst), "up0")


def guarded(lab, packet, tags=(), dst=MACS["up0"]):
    """Whether XDP drops it."""
    result = lab.guard(tagged(packet, tags, dst))
    assert result.verdict in (XDP_DROP, XDP_PASS), f"XDP verdict {result.verdict}"
    return result.verdict == XDP_DROP


@case("tag: {protocol} to A with {tags} arrives without, IPv{family}", family=BOTH, tags=TAGS,
      protocol=PROTOCOLS, complete=False)
def priority_to_pod(lab, family, tags, protocol):
    packet = l4(protocol, W[family], A.ip[family], 80, 1000)
    from_net(lab, packet, TAGS[tags]).delivered(A, moved(packet))
    assert not guarded(lab, packet, TAGS[tags])


@case("tag: a reply to {protocol} with {tags} arrives without, IPv{family}", family=BOTH,
      tags=TAGS, protocol=("tcp", "udp", "echo"), complete=False)
def priority_answer(lab, family, tags, protocol):
    from cases import masquerade
    port = masquerade(lab, l4(protocol, A.ip[family], W[family], 1000, 80), family, protocol)
    back = l4(protocol, W[family], N1[family], 80, port, answer=True)
    whole = l4(protocol, W[family], A.ip[family], 80, 1000, answer=True)
    from_net(lab, back, TAGS[tags]).delivered(A, moved(whole))


@case("tag: an ICMP error with {tags} arrives without, IPv{family}", family=BOTH, tags=TAGS,
      complete=False)
def priority_error(lab, family, tags):
    from cases import masquerade
    sent = udp(A.ip[family], W[family], 1000, 80)
    port = masquerade(lab, sent, family, "udp")
    kind = 3 if family == 4 else 1
    about = translated(sent, src=N1[family], sport=port)
    whole = error(R[family], A.ip[family], kind, 3, sent)
    from_net(lab, error(R[family], N1[family], kind, 3, about), TAGS[tags]).delivered(A, moved(whole))


@case("tag: spoofed, bogon and unallocated with {tags} are dropped by both, IPv{family}",
      family=BOTH, tags=TAGS, complete=False)
def priority_refused(lab, family, tags):
    bogon = {4: "127.0.0.1", 6: "::1"}[family]
    for source, target in ((B.ip[family], N1[family]), (B.ip[family], A.ip[family]),
                           (bogon, N1[family]), (W[family], UNALLOCATED[family])):
        packet = middle("tcp", source, target, 1, 2)
        from_net(lab, packet, TAGS[tags]).dropped()
        assert guarded(lab, packet, TAGS[tags]), packet.summary()


@case("tag: {tags} belongs to a VLAN, for both, IPv{family}", family=BOTH, tags=REAL,
      complete=False)
def real_vlan(lab, family, tags):
    for source, target in ((B.ip[family], A.ip[family]), (W[family], A.ip[family]),
                           (W[family], UNALLOCATED[family])):
        packet = udp(source, target, 1, 2)
        result = from_net(lab, packet, REAL[tags])
        assert result.passes, result.describe()
        assert not guarded(lab, packet, REAL[tags])
    assert lab.counted("in_other") == 3


@case("tag: more priority tags than any network sets are dropped", complete=False)
def many_tags(lab):
    tags = [Dot1Q(vlan=0)] * 5
    from_net(lab, udp(B.ip[4], A.ip[4], 1, 2), tags).dropped()
    from_net(lab, udp(W[4], A.ip[4], 1, 2), tags).dropped()
    assert lab.counted("vlan") == 2


GROUP = {"broadcast": "ff:ff:ff:ff:ff:ff", "multicast": "01:00:5e:00:00:05"}
OTHER = "02:00:00:00:00:99"


@case("frame: a {kind} frame is not delivered to a pod, with {how}, IPv{family}", family=BOTH,
      kind=GROUP, how=UNUSUAL[:6], complete=False)
def group_to_pod(lab, family, kind, how):
    for tags in ((), TAGS["one priority tag"]):
        from_net(lab, unusual(how, W[family], A.ip[family]), tags, GROUP[kind]).dropped()
    assert lab.counted("link_broadcast") == 2


@case("frame: a {kind} frame with a local source is dropped by both, IPv{family}", family=BOTH,
      kind=GROUP)
def group_spoofed(lab, family, kind):
    for target in (N1[family], A.ip[family], C[family], {4: "224.0.0.1", 6: "ff02::1"}[family]):
        for packet in (udp(B.ip[family], target, 1, 2), tcp(B.ip[family], target, 1, 2, "A")):
            from_net(lab, packet, (), GROUP[kind]).dropped()
            assert guarded(lab, packet, (), GROUP[kind])


@case("frame: a reply in a {kind} frame is not delivered, IPv{family}", family=BOTH, kind=GROUP)
def group_answer(lab, family, kind):
    from cases import masquerade
    port = masquerade(lab, udp(A.ip[family], W[family], 1000, 80), family, "udp")
    from_net(lab, udp(W[family], N1[family], 80, port), (), GROUP[kind]).passed()


@case("frame: other broadcast and multicast passes, IPv{family}", family=BOTH)
def group_passes(lab, family):
    group = {4: "224.0.0.251", 6: "ff02::fb"}[family]
    link = {4: "169.254.9.9", 6: "fe80::9"}[family]
    for packet in (udp(R[family], group, 5353, 5353), udp(link, group, 5353, 5353),
                   udp(R[family], N1[family], 1, 2), udp(N1[family], group, 1, 2),
                   udp("0.0.0.0", "255.255.255.255", 68, 67) if family == 4 else
                   ip("::", "ff02::1:ff00:10", 255) / ICMPv6Unknown(type=135, msgbody=bytes(20))):
        for mac in GROUP.values():
            from_net(lab, packet, (), mac).passed()


@case("frame: one for another host passes, IPv{family}", family=BOTH)
def other_host(lab, family):
    for source, target in ((B.ip[family], A.ip[family]), (W[family], A.ip[family])):
        from_net(lab, udp(source, target, 1, 2), (), OTHER).passed()


# --- sources of outside -------------------------------------------------------------------------

MARTIANS = {
    4: (N1[4], N1B[4], "169.254.1.1", "169.254.169.254", "169.254.7.7"),
    6: (N1[6], N1B[6], "fe80::1", "fe80::7:7", "febf::1")
}


@case("martian source: {protocol} from number {index} to a pod is dropped by both, IPv{family}",
      family=BOTH, index=range(5), protocol=PROTOCOLS)
def martian_source(lab, family, index, protocol):
    for pod in (A, D):
        packet = middle(protocol, MARTIANS[family][index], pod.ip[family], 1, 2)
        for _ in range(2):
            lab.from_net(packet).dropped()
        assert guarded(lab, packet)
    assert lab.counted("martian_source") == 6


@case("martian source: from number {index} with {how}, dropped by both, IPv{family}", family=BOTH,
      index=range(5), how=UNUSUAL[1:6])
def martian_source_unusual(lab, family, index, how):
    packet = unusual(how, MARTIANS[family][index], A.ip[family])
    lab.from_net(packet).dropped()
    assert guarded(lab, packet)


@case("martian source: an ICMP error from the node's address to a pod is dropped, IPv{family}",
      family=BOTH)
def martian_error(lab, family):
    about = udp(A.ip[family], C[family], 1000, 80)
    kind = 3 if family == 4 else 1
    lab.from_net(error(N1[family], A.ip[family], kind, 3, about)).dropped()
    packet = error(R[family], A.ip[family], kind, 3, about)
    lab.from_net(packet).delivered_or_passed(A, moved(packet))


@case("martian source: the zero address is dropped by both, with {how}",
      how=UNUSUAL[:6])
def no_source(lab, how):
    for target in (A.ip[6], N1[6], W[6]):
        packet = unusual(how, "::", target)
        lab.from_net(packet).dropped()
        assert guarded(lab, packet)


@case("martian source: to the node itself they are left to the kernel, IPv{family}", family=BOTH)
def martian_to_node(lab, family):
    for source in MARTIANS[family]:
        packet = udp(source, N1[family], 1, 2)
        lab.from_net(packet).passed()
        assert not guarded(lab, packet)


@case("martian source: other nodes and the router are accepted, IPv{family}", family=BOTH)
def neighbours(lab, family):
    for source in (N2[family], R[family]):
        for protocol in ("tcp", "udp"):
            packet = middle(protocol, source, A.ip[family], 1, 2)
            lab.from_net(packet).delivered(A, moved(packet))
            assert not guarded(lab, packet)


@case("martian source: an address that moved to another host is accepted, IPv{family}", family=BOTH)
def moved_address(lab, family):
    address = {4: "192.0.2.77", 6: "2001:db8:f::77"}[family]
    lab.put_nomasq(address, 32 if family == 4 else 128, "NOMASQ_OWN")
    lab.put_own([address])
    for protocol in ("tcp", "udp"):
        packet = middle(protocol, address, A.ip[family], 1, 2)
        lab.from_net(packet).delivered(A, moved(packet))
        assert not guarded(lab, packet)


@case("martian source: a full filter causes no false match, IPv{family}", family=BOTH)
def full_filter(lab, family):
    lab.put_own([], words=[(1 << 64) - 1] * 16)
    for source in (W[family], C[family], R[family]):
        for protocol in ("tcp", "udp"):
            packet = middle(protocol, source, A.ip[family], 1, 2)
            lab.from_net(packet).delivered(A, moved(packet))
            assert not guarded(lab, packet)
    lab.from_net(middle("tcp", N1[family], A.ip[family], 1, 2)).dropped()

