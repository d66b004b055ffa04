# SPDX-License-Identifier: GPL-2.0-only
"""ICMP errors about masqueraded flows, both ways, with the packet they quote."""
from cases import BOTH, case, masquerade, port_of
from lab import A, B, C, N1, R, W, W2
from packets import (IP, IPOption, IPv6, IPv6ExtHdrDestOpt, PROTOCOLS, Raw, UDP, error, ip, l4,
                     moved, other, reply, tcp, translated, udp)

KINDS = {
    4: [(3, code) for code in range(16)] + [(11, 0), (11, 1), (12, 0), (12, 2)],
    6: [(1, code) for code in range(8)] + [(2, 0), (3, 0), (3, 1), (4, 0), (4, 1), (4, 2)]
}
FIRST = {4: (3, 4), 6: (2, 0)}
HEADER = {4: 20, 6: 40}


def quoted(packet, family):
    """Lengths of quotations: 8 bytes of payload, 20, all of it."""
    whole = len(bytes(packet))
    return sorted({HEADER[family] + 8, HEADER[family] + 20, whole - 1, whole}
                  & set(range(whole + 1)))


@case("error: every type about UDP reaches the pod as its own, IPv{family}", family=BOTH)
def all_types(lab, family):
    sent = udp(A.ip[family], W[family], 1000, 80, b"x" * 40)
    port = masquerade(lab, sent, family, "udp")
    outside = translated(sent, src=N1[family], sport=port)
    for kind, code in KINDS[family]:
        for length in quoted(sent, family):
            packet = error(R[family], N1[family], kind, code, outside, length, field=1400)
            inside = error(R[family], A.ip[family], kind, code, sent, length, ttl=63, field=1400)
            lab.from_net(packet).delivered(A, inside)


@case("error: about {protocol}, IPv{family}", family=BOTH, protocol=PROTOCOLS)
def all_protocols(lab, family, protocol):
    sent = l4(protocol, A.ip[family], W[family], 1000, 80, data=b"y" * 41)
    port = masquerade(lab, sent, family, protocol)
    outside = translated(sent, src=N1[family], sport=port)
    kind, code = FIRST[family]
    for length in quoted(sent, family):
        for sender in (R, W):
            packet = error(sender[family], N1[family], kind, code, outside, length, field=1400)
            inside = error(sender[family], A.ip[family], kind, code, sent, length, ttl=63,
                           field=1400)
            lab.from_net(packet).delivered(A, inside)


@case("error: about UDP without a checksum")
def no_checksum(lab):
    sent = udp(A.ip[4], W[4], 1000, 80, b"x" * 40)
    sent[UDP].chksum = 0
    port = masquerade(lab, sent, 4, "udp")
    outside = translated(sent, src=N1[4], sport=port)
    for length in (28, 40, 68):
        lab.from_net(error(R[4], N1[4], 3, 4, outside,
                           length)).delivered(A, error(R[4], A.ip[4], 3, 4, sent, length, ttl=63))


@case("error: quotations of every length, {protocol} IPv{family}", family=BOTH,
      protocol=("tcp", "udp", "echo"))
def every_length(lab, family, protocol):
    sent = l4(protocol, A.ip[family], W[family], 1000, 80, data=bytes(range(60)))
    port = masquerade(lab, sent, family, protocol)
    outside = translated(sent, src=N1[family], sport=port)
    kind, code = FIRST[family]
    for length in range(len(bytes(sent)) + 1):
        if protocol == "tcp" and length == HEADER[family] + 17:
            continue  # half a checksum
        result = lab.from_net(error(R[family], N1[family], kind, code, outside, length))
        if length >= HEADER[family] + 8:
            result.delivered(A, error(R[family], A.ip[family], kind, code, sent, length, ttl=63))
        else:
            result.refused()


@case("error: of {size} bytes, IPv{family}", family=BOTH, size=(200, 548, 549, 1232, 1233, 1400))
def large(lab, family, size):
    sent = udp(A.ip[family], W[family], 1000, 80, bytes(i * 7 & 255 for i in range(size)))
    port = masquerade(lab, sent, family, "udp")
    outside = translated(sent, src=N1[family], sport=port)
    kind, code = FIRST[family]
    result = lab.from_net(error(R[family], N1[family], kind, code, outside))
    if size <= 500 or result.redirects:  # routers quote at most 576 (IPv4) or 1280 bytes (IPv6) in all
        result.delivered(A, error(R[family], A.ip[family], kind, code, sent, ttl=63))
    else:
        result.refused()


@case("error: quoting options or extension headers, IPv{family}", family=BOTH)
def quoted_options(lab, family):
    if family == 4:
        sent = udp(A.ip[4], W[4], 50000, 80, b"z" * 20, options=[IPOption(b"\x01" * 4)] * 2)
    else:
        sent = ip(A.ip[6], W[6]) / IPv6ExtHdrDestOpt() / UDP(sport=50000, dport=80) / Raw(b"z" * 20)
    outside = translated(sent, src=N1[family], sport=50000)
    lab.to_net(sent).leaves(outside)
    kind, code = FIRST[family]
    for length in (36, 56) if family == 4 else (56, 76):
        lab.from_net(error(R[family], N1[family], kind, code, outside, length)).delivered(
            A, error(R[family], A.ip[family], kind, code, sent, length, ttl=63))


@case("error: a TTL changed by routers stays in the quotation, IPv{family}", family=BOTH)
def quoted_ttl(lab, family):
    sent = udp(A.ip[family], W[family], 1000, 80)
    port = masquerade(lab, sent, family, "udp")
    outside = translated(sent, src=N1[family], sport=port, ttl=1)
    kind, code = (11, 0) if family == 4 else (3, 0)
    lab.from_net(error(R[family], N1[family], kind, code, outside, HEADER[family] + 8)).delivered(
        A,
        error(R[family], A.ip[family], kind, code, translated(sent, ttl=1), HEADER[family] + 8,
              ttl=63))


@case(
    "error: about {what} neither creates nor changes a flow, IPv{family}", family=BOTH,
    what=("a flow that is not", "another port", "another remote", "an ICMP error",
          "the answer's direction"))
def unknown(lab, family, what):
    kind, code = FIRST[family]
    port = 50001
    if what != "a flow that is not":
        port = masquerade(lab, udp(A.ip[family], W[family], 1000, 80), family, "udp")
    about = {
        "a flow that is not": udp(N1[family], W[family], port, 80),
        "another port": udp(N1[family], W[family], port + 1, 80),
        "another remote": udp(N1[family], W2[family], port, 80),
        "an ICMP error": error(N1[family], W[family], kind, code,
                               udp(W[family], N1[family], 80, port)),
        "the answer's direction": udp(W[family], N1[family], 80, port),
    }[what]
    before = [lab.maps[n].raw_keys() for n in ("pp_flow_fwd", "pp_flow_rev", "pp_inbound")]
    flows = lab.maps["pp_flows"].read_all()
    result = lab.from_net(error(R[family], N1[family], kind, code, about))
    result.refused()
    assert before == [lab.maps[n].raw_keys() for n in ("pp_flow_fwd", "pp_flow_rev", "pp_inbound")]
    assert flows == lab.maps["pp_flows"].read_all(), "the flow table changed"


@case("error: it neither refreshes nor closes the flow, IPv{family}", family=BOTH)
def no_refresh(lab, family):
    sent = udp(A.ip[family], W[family], 1000, 80)
    port = masquerade(lab, sent, family, "udp")
    lab.advance(28)
    flows = lab.maps["pp_flows"].read_all()
    kind, code = FIRST[family]
    assert lab.from_net(
        error(R[family], N1[family], kind, code, translated(sent, src=N1[family],
                                                            sport=port))).redirects
    assert flows == lab.maps["pp_flows"].read_all()
    lab.advance(4)
    result = lab.from_net(udp(W[family], N1[family], 80, port))
    assert not result.redirects


@case("error: delivered to a pod with a native connection, IPv{family}", family=BOTH)
def native_error(lab, family):
    kind, code = FIRST[family]
    packet = error(R[family], A.ip[family], kind, code, udp(A.ip[family], W[family], 1000, 80))
    result = lab.from_net(packet)
    if result.redirects:
        result.delivered(A, moved(packet))
    else:
        result.refused()


@case("error: a pod's port unreachable about {protocol} leaves as the node's, IPv{family}",
      family=BOTH, protocol=PROTOCOLS)
def from_a_pod(lab, family, protocol):
    port = masquerade(lab, l4(protocol, A.ip[family], W[family], 1000, 80), family, protocol)
    sport = 0 if protocol == "echo" else 80
    answer = l4(protocol, W[family], N1[family], sport, port, answer=True, data=b"w" * 30)
    seen = translated(answer, dst=A.ip[family], dport=1000)
    for kind, code in KINDS[family]:
        for length in quoted(answer, family):
            packet = error(A.ip[family], W[family], kind, code, seen, length)
            lab.to_net(packet).leaves(error(N1[family], W[family], kind, code, answer, length))


@case("error: a pod's error about {what} does not leave, IPv{family}", family=BOTH,
      what=("nothing known", "another pod's flow", "an ICMP error", "a cut header"))
def bad_from_a_pod(lab, family, what):
    kind, code = (3, 3) if family == 4 else (1, 4)
    masquerade(lab, udp(B.ip[family], W[family], 1000, 80), family, "udp")
    length = None
    if what == "nothing known":
        about = udp(W[family], A.ip[family], 80, 1000)
    elif what == "another pod's flow":
        about = udp(W[family], B.ip[family], 80, 1000)
    elif what == "an ICMP error":
        about = error(W[family], A.ip[family], kind, code, udp(A.ip[family], W[family], 80, 1000))
    else:
        masquerade(lab, udp(A.ip[family], W[family], 1000, 80), family, "udp")
        about, length = udp(W[family], A.ip[family], 80, 1000), 19
    lab.to_net(error(A.ip[family], W[family], kind, code, about, length)).dropped()


@case("error: a pod's error about an inbound connection keeps the pod's address, IPv{family}",
      family=BOTH)
def from_a_pod_inbound(lab, family):
    request = udp(W[family], A.ip[family], 4000, 9)
    lab.from_net(request).delivered(A, moved(request))
    kind, code = (3, 3) if family == 4 else (1, 4)
    lab.to_net(error(A.ip[family], W[family], kind, code, moved(request))).passed()


@case("error: a pod's error within the native CIDRs passes, IPv{family}", family=BOTH)
def from_a_pod_native(lab, family):
    lab.put_nomasq(W[family], {4: 32, 6: 128}[family], "NOMASQ_NATIVE")
    kind, code = (3, 3) if family == 4 else (1, 4)
    lab.to_net(error(A.ip[family], W[family], kind, code, udp(W[family], A.ip[family], 4000,
                                                              9))).passed()


@case("error: from one pod to another about their traffic, IPv{family}", family=BOTH)
def local_error(lab, family):
    kind, code = (3, 3) if family == 4 else (1, 4)
    packet = error(B.ip[family], A.ip[family], kind, code, udp(A.ip[family], B.ip[family], 1000, 9))
    lab.from_pod(B, packet).delivered(A, moved(packet))


@case("error: about a flow of a dead pod, IPv{family}", family=BOTH)
def dead_pod(lab, family):
    sent = udp(A.ip[family], W[family], 1000, 80)
    port = masquerade(lab, sent, family, "udp")
    lab.put_pod(A, generation=A.generation + 1)
    kind, code = FIRST[family]
    lab.from_net(
        error(R[family], N1[family], kind, code, translated(sent, src=N1[family],
                                                            sport=port))).refused()


@case("error: with TTL 1 is not delivered with 0, IPv{family}", family=BOTH)
def error_ttl(lab, family):
    sent = tcp(A.ip[family], W[family], 1000, 80)
    port = masquerade(lab, sent, family, "tcp")
    kind, code = FIRST[family]
    about = translated(sent, src=N1[family], sport=port)
    result = lab.from_net(error(R[family], N1[family], kind, code, about, ttl=1))
    assert not result.redirects, result.describe()


@case("error: a pod's error about an echo reply, IPv{family}", family=BOTH)
def about_reply(lab, family):
    request = l4("echo", W[family], A.ip[family], 9, 0)
    lab.from_net(request)
    answer = reply(A.ip[family], W[family], 9)
    lab.to_net(answer).passed()
    kind, code = FIRST[family]
    packet = error(R[family], A.ip[family], kind, code, answer)
    result = lab.from_net(packet)
    if result.redirects:
        result.delivered(A, moved(packet))
    else:
        result.refused()


@case("error: the port differs but the sum does not (no checksum change hides it), IPv{family}",
      family=BOTH)
def compensating(lab, family):
    sent = udp(A.ip[family], W[family], 50000, 80, b"x" * 40)
    port = masquerade(lab, sent, family, "udp")
    assert port == port_of(lab.to_net(sent).frame, family, "udp") == 50000
    outside = translated(sent, src=N1[family])
    kind, code = FIRST[family]
    for length in quoted(sent, family):
        lab.from_net(error(R[family], N1[family], kind, code, outside, length)).delivered(
            A, error(R[family], A.ip[family], kind, code, sent, length, ttl=63))


@case(
    "error: the node's own about a reply quotes the packet from outside, ranges {ranges}, IPv{family}",
    family=BOTH, ranges=("known", "unknown"))
def node_error(lab, family, ranges):
    if ranges == "unknown":
        lab.maps["pp_ranges"][0] = {}
    port = masquerade(lab, udp(A.ip[family], W[family], 1000, 80), family, "udp")
    answer = udp(W[family], N1[family], 80, port, b"x" * 30)
    inside = translated(answer, dst=A.ip[family], dport=1000)
    for kind, code in KINDS[family]:
        for length in quoted(answer, family):
            lab.to_net(error(N1[family], W[family], kind, code, inside, length)).leaves(
                error(N1[family], W[family], kind, code, answer, length))
    about_own = udp(W[family], N1[family], 80, 9)
    lab.to_net(error(N1[family], W[family], *FIRST[family], about_own)).passed()


@case("error: a quotation in padding is not read, IPv{family}",
      family=BOTH)
def quoted_padding(lab, family):
    sent = udp(A.ip[family], W[family], 1000, 80)
    port = masquerade(lab, sent, family, "udp")
    kind, code = FIRST[family]
    quotation = bytes(translated(sent, src=N1[family], sport=port))
    short = error(R[family], N1[family], kind, code, quotation, HEADER[family])
    lab.from_net(short / Raw(b"")).refused()
    padded = (IP if family == 4 else IPv6)(bytes(short) + quotation[HEADER[family]:])
    lab.from_net(padded).refused()


@case("error: a truncated quoted IPv4 header is not read")
def quoted_header_cut(lab):
    sent = other(A.ip[4], W[4])
    lab.to_net(sent).leaves(translated(sent, src=N1[4]))
    quotation = bytearray(bytes(translated(sent, src=N1[4])))
    quotation[0] = 0x4f
    lab.from_net(error(R[4], N1[4], 3, 4, quotation, 28)).refused()


def sent_error(lab, sender, target, about, source=None, **more):
    family = 6 if ":" in target else 4
    kind, code = more.pop("kind", (3, 3) if family == 4 else (1, 4))
    return lab.from_pod(sender, error(source or sender.ip[family], target, kind, code, about, **more))


@case("error: from a pod to the {to}, about its own packet passes, about {whose} is dropped, IPv{family}",
      family=BOTH, to=("pod", "node", "other node", "world"),
      whose=("the receiver's", "the node's", "another pod's", "its own to the receiver"))
def forged(lab, family, to, whose):
    target = {"pod": B.ip, "node": N1, "other node": C, "world": W}[to][family]
    lab.put_nomasq(W[family], {4: 32, 6: 128}[family], "NOMASQ_NATIVE")
    forgery = {
        "the receiver's": udp(target, W2[family], 1000, 53), "the node's": tcp(N1[family], W2[family], 1000, 53),
        "another pod's": udp(target, B.ip[family], 1000, 53),
        "its own to the receiver": udp(A.ip[family], target, 53, 1000)
    }[whose]
    if forgery.dst == A.ip[family]:
        return
    kinds = [KINDS[family][0], KINDS[family][4], KINDS[family][-1], (4, 0) if family == 4 else (100, 0)]
    for kind in kinds:
        sent_error(lab, A, target, forgery, kind=kind).dropped()
        real = sent_error(lab, A, target, udp(target, A.ip[family], 1000, 53), kind=kind)
        assert not real.drops, real.describe()
    assert lab.counted("icmp_error") == len(kinds)
    lab.to_net(error(A.ip[family], W[family], *FIRST[family], forgery)).dropped()


@case("error: from a pod, with a quotation of {length} bytes, is dropped, IPv{family}", family=BOTH,
      length=(0, 1, 19, 27, 39, 47))
def forged_cut(lab, family, length):
    about = bytes(udp(N1[family], A.ip[family], 1000, 53))[:length]
    result = sent_error(lab, A, N1[family], about)
    assert result.drops if length < HEADER[family] + 8 else result.passes, result.describe()


@case("error: from a pod, behind options or extension headers, IPv{family}", family=BOTH)
def forged_options(lab, family):
    kind, code = (3, 3) if family == 4 else (1, 4)

    def sent(about_to, outer, inner):
        about = ip(N1[family], about_to, **({"options": inner} if family == 4 else {}))
        if family == 6:
            about = about / IPv6ExtHdrDestOpt() if inner else about
        about = about / UDP(sport=1000, dport=53) / Raw(b"x" * 8)
        message = error(A.ip[family], N1[family], kind, code, about)
        if outer and family == 4:
            message = ip(A.ip[4], N1[4], proto=1, options=outer) / Raw(bytes(message)[20:])
        elif outer:
            message = ip(A.ip[6], N1[6]) / IPv6ExtHdrDestOpt(nh=58) / Raw(bytes(message)[40:])
        return lab.from_pod(A, message)

    nops = [IPOption(b"\x01" * 4)] * 2
    for outer in ([], nops):
        for inner in ([], nops):
            sent(A.ip[family], outer, inner).passed()
            sent(W[family], outer, inner).dropped()
    assert lab.counted("icmp_error") == 4


@case("error: a pod's error in fragments is dropped, IPv{family}", family=BOTH)
def forged_pieces(lab, family):
    from cases_frag import fragments
    kind, code = (3, 3) if family == 4 else (1, 4)
    whole = error(A.ip[family], N1[family], kind, code, udp(N1[family], A.ip[family], 1, 2, b"x" * 100))
    lab.from_pod(A, fragments(whole, family)[0]).dropped()
    assert lab.counted("icmp_error") == 1


@case("error: from a link-local address to the host's end must quote the sender, too")
def forged_link_local(lab):
    link = "fe80::70:70ff:fe00:3"
    sent_error(lab, A, "fe80::1", udp(N1[6], W[6], 1000, 53), source=link).dropped()
    sent_error(lab, A, "fe80::1", udp("fe80::1", link, 1000, 53), source=link).passed()
