# SPDX-License-Identifier: GPL-2.0-only
"""Fragments of masqueraded datagrams, in both directions and in any order."""
from cases import BOTH, case, masquerade
from lab import A, B, N1, W
from packets import (ICMP, IP, UDP, ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment, Raw, ip, l4, moved,
                     translated, udp)

PIECE = 64  # bytes of IP payload in each fragment but the last


def fragments(packet, family, ident=77):
    """The packet cut in pieces of 64 bytes; the checksum is that of the whole datagram."""
    whole = (IPv6 if family == 6 else IP)(bytes(packet))
    number = whole.nh if family == 6 else whole.proto
    payload = bytes(whole.payload)
    pieces = []
    for start in range(0, len(payload), PIECE):
        more = int(start + PIECE < len(payload))
        data = Raw(payload[start:start + PIECE])
        if family == 6:
            head = ip(whole.src, whole.dst, whole.hlim, nh=44)
            pieces.append(head /
                          IPv6ExtHdrFragment(nh=number, offset=start // 8, m=more, id=ident) / data)
        else:
            pieces.append(
                ip(whole.src, whole.dst, whole.ttl, id=ident, proto=number,
                   flags="MF" if more else 0, frag=start // 8) / data)
    return pieces


def big(protocol, src, dst, sport, dport, **fields):
    return l4(protocol, src, dst, sport, dport, data=bytes(i * 3 & 255 for i in range(200)),
              **fields)


def same_translation(lab, packet, wanted, family):
    for piece, outside in zip(fragments(packet, family), fragments(wanted, family)):
        lab.to_net(piece).leaves(outside)


def back_in(lab, answer, inside, family):
    for piece, wanted in zip(fragments(answer, family), fragments(inside, family)):
        result = lab.from_net(piece)
        if result.redirects:
            result.delivered(A, moved_raw(wanted))
        else:
            result.leaves(wanted)


def moved_raw(piece):
    piece = piece.copy()
    if IPv6 in piece:
        piece[IPv6].hlim -= 1
    else:
        piece[IP].ttl -= 1
    return piece


@case("fragment: {protocol} in pieces, out and back, IPv{family}", family=BOTH,
      protocol=("udp", "echo"))
def there_and_back(lab, family, protocol):
    port = masquerade(lab, l4(protocol, A.ip[family], W[family], 1000, 80), family, protocol)
    packet = big(protocol, A.ip[family], W[family], 1000, 80)
    same_translation(lab, packet, translated(packet, src=N1[family], sport=port), family)
    answer = big(protocol, W[family], N1[family], 0 if protocol == "echo" else 80, port,
                 answer=True)
    back_in(lab, answer, translated(answer, dst=A.ip[family], dport=1000), family)


@case("fragment: the first packet of a flow, in pieces, IPv{family}", family=BOTH)
def fragmented_first(lab, family):
    packet = big("udp", A.ip[family], W[family], 50000, 80)
    same_translation(lab, packet, translated(packet, src=N1[family], sport=50000), family)


@case("fragment: two datagrams interleaved, of two pods with one id, IPv{family}", family=BOTH)
def interleaved(lab, family):
    one, two = (big("udp", pod.ip[family], W[family], 50000 + pod.slot, 80) for pod in (A, B))
    wires = [
        translated(p, src=N1[family], sport=50000 + pod.slot) for p, pod in ((one, A), (two, B))
    ]
    for pieces in zip(*(zip(fragments(p, family), fragments(w, family))
                        for p, w in zip((one, two), wires))):
        for piece, outside in pieces:
            lab.to_net(piece).leaves(outside)


@case("fragment: later ones in any order behind the first, IPv{family}", family=BOTH)
def reversed_tail(lab, family):
    packet = big("udp", A.ip[family], W[family], 50000, 80)
    wire = translated(packet, src=N1[family], sport=50000)
    pairs = list(zip(fragments(packet, family), fragments(wire, family)))
    for piece, outside in pairs[:1] + pairs[:0:-1]:
        lab.to_net(piece).leaves(outside)


@case("fragment: without its first it does not leave, IPv{family}", family=BOTH)
def no_first_out(lab, family):
    packet = big("udp", A.ip[family], W[family], 50000, 80)
    for piece in fragments(packet, family)[1:]:
        lab.to_net(piece).dropped()


@case("fragment: without its first, from outside, is the stack's, IPv{family}", family=BOTH)
def no_first_in(lab, family):
    masquerade(lab, udp(A.ip[family], W[family], 50000, 80), family, "udp")
    for piece in fragments(big("udp", W[family], N1[family], 80, 50000), family)[1:]:
        lab.from_net(piece).passed()


@case("fragment: the node's own go to the stack, IPv{family}", family=BOTH)
def host_fragments(lab, family):
    for piece in fragments(big("udp", W[family], N1[family], 80, 53), family):
        lab.from_net(piece).passed()
    for piece in fragments(big("udp", N1[family], W[family], 53, 80), family):
        lab.to_net(piece).passed()


@case("fragment: another id is another datagram, IPv{family}", family=BOTH)
def other_id(lab, family):
    packet = big("udp", A.ip[family], W[family], 50000, 80)
    lab.to_net(fragments(packet, family, 77)[0])
    lab.to_net(fragments(packet, family, 78)[1]).dropped()


@case("fragment: forgotten after a while, and with its pod, IPv{family}", family=BOTH)
def forgotten(lab, family):
    packet = big("udp", A.ip[family], W[family], 50000, 80)
    pieces = fragments(packet, family)
    lab.to_net(pieces[0])
    lab.advance(200)
    lab.to_net(pieces[1]).dropped()
    lab.to_net(pieces[0])
    lab.put_pod(A, generation=A.generation + 1)
    lab.to_net(pieces[1]).dropped()


@case("fragment: what is left of a dead pod's datagram does not reach its heir, IPv{family}",
      family=BOTH)
def heir(lab, family):
    port = masquerade(lab, udp(A.ip[family], W[family], 50000, 80), family, "udp")
    pieces = fragments(big("udp", W[family], N1[family], 80, port), family)
    lab.from_net(pieces[0])
    lab.put_pod(A, generation=A.generation + 1)
    for piece in pieces[1:]:
        lab.from_net(piece).passed()


@case("fragment: a first one of {size} bytes without the ports is dropped, IPv{family}",
      family=BOTH, size=(0, 1, 4, 7))
def tiny(lab, family, size):
    if family == 6:
        piece = ip(A.ip[6], W[6], nh=44) / IPv6ExtHdrFragment(nh=17, m=1, id=5) / Raw(
            b"\xc3\x50\0\x50\1\0\0\0"[:size])
    else:
        piece = ip(A.ip[4], W[4], proto=17, flags="MF") / Raw(b"\xc3\x50\0\x50\1\0\0\0"[:size])
    lab.to_net(piece).dropped()
    assert len(lab.maps["pp_flow_rev"]) == 0


@case("fragment: TCP whose header is cut is dropped, IPv{family}", family=BOTH)
def tiny_tcp(lab, family):
    head = bytes([0xc3, 0x50, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0])
    if family == 6:
        piece = ip(A.ip[6], W[6], nh=44) / IPv6ExtHdrFragment(nh=6, m=1, id=5) / Raw(head)
    else:
        piece = ip(A.ip[4], W[4], proto=6, flags="MF") / Raw(head)
    lab.to_net(piece).dropped()


@case("fragment: within the native CIDRs and to nodes it passes, IPv{family}", family=BOTH)
def native_fragments(lab, family):
    lab.put_nomasq(W[family], {4: 32, 6: 128}[family], "NOMASQ_NATIVE")
    for piece in fragments(big("udp", A.ip[family], W[family], 50000, 80), family):
        lab.to_net(piece).passed()


@case("fragment: replies of an inbound connection keep the pod's address, IPv{family}", family=BOTH)
def inbound_fragments(lab, family):
    request = udp(W[family], A.ip[family], 4000, 80)
    lab.from_net(request).delivered(A, moved(request))
    for piece in fragments(big("udp", A.ip[family], W[family], 80, 4000), family):
        lab.to_net(piece).passed()


@case("fragment: from outside to a pod's own address, IPv{family}", family=BOTH)
def inbound_pieces(lab, family):
    for piece in fragments(big("udp", W[family], A.ip[family], 4000, 80), family):
        result = lab.from_net(piece)
        if result.redirects:
            result.delivered(A, moved_raw(piece))
        else:
            result.passed()


@case("fragment: an atomic fragment (offset 0, no more) is a whole packet")
def atomic(lab):
    head = ip(A.ip[6], W[6]) / IPv6ExtHdrFragment(id=5) / UDP(sport=50000, dport=80) / Raw(b"abc")
    result = lab.to_net(head)
    if not result.drops:
        result.leaves(translated(head, src=N1[6], sport=50000))


@case("fragment: an ICMP error that quotes a later fragment, IPv{family}", family=BOTH)
def quoted_later(lab, family):
    from packets import error
    packet = big("udp", A.ip[family], W[family], 50000, 80)
    wires = fragments(translated(packet, src=N1[family], sport=50000), family)
    for piece in fragments(packet, family):
        lab.to_net(piece)
    kind, code = (11, 1) if family == 4 else (3, 1)
    result = lab.from_net(error(W[family], N1[family], kind, code, wires[1]))
    if result.redirects:
        result.delivered(
            A, error(W[family], A.ip[family], kind, code,
                     fragments(packet, family)[1], ttl=63))
    else:
        result.refused()


@case("fragment: an ICMP error that quotes the first fragment, IPv{family}", family=BOTH)
def quoted_first(lab, family):
    from packets import error
    packet = big("udp", A.ip[family], W[family], 50000, 80)
    pieces = fragments(packet, family)
    wire = fragments(translated(packet, src=N1[family], sport=50000), family)
    for piece in pieces:
        lab.to_net(piece)
    kind, code = (11, 1) if family == 4 else (3, 1)
    result = lab.from_net(error(W[family], N1[family], kind, code, wire[0]))
    if result.redirects:
        result.delivered(A, error(W[family], A.ip[family], kind, code, pieces[0], ttl=63))
    else:
        result.refused()


@case("fragment: ICMP other than echo in pieces does not leave")
def icmp_pieces(lab):
    for kind, family in ((ICMP(type=13), 4), (ICMPv6EchoRequest(type=139), 6)):
        packet = ip(A.ip[family], W[family]) / kind / Raw(bytes(200))
        for piece in fragments(packet, family):
            lab.to_net(piece).dropped()
