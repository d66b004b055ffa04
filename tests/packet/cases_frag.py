# SPDX-License-Identifier: GPL-2.0-only
"""Fragments of masqueraded datagrams, in both directions and in any order."""
from cases import BOTH, case, masquerade
from lab import A, B, D, MACS, N1, ROUTER_MAC, W
from packets import (ICMP, IP, TCP, UDP, Ether, ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment, Raw, ip,
                     l4, moved, translated, udp)

PIECE = 64  # bytes of IP payload in each fragment but the last


def fragments(packet, family, ident=77):
    """The packet cut in pieces of 64 bytes; the checksum covers the complete datagram."""
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


def id_of(frame, family):
    """The identification of a frame that is an IPv4 packet or a fragment of IPv6."""
    at, size = {4: (18, 2), 6: (58, 4)}[family]
    return int.from_bytes(frame[at:at + size], "big")


def leave_as(lab, pieces, wanted, family):
    """Sends fragments of a datagram, which leave as @wanted(id); returns the id that the node chose."""
    results = [lab.to_net(piece) for piece in pieces]
    ident = id_of(results[0].frame, family)
    for result, outside in zip(results, wanted(ident)):
        result.leaves(outside)
    return ident


def same_translation(lab, packet, wanted, family, ident=77):
    return leave_as(lab, fragments(packet, family, ident), lambda i: fragments(wanted, family, i), family)


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


@case("fragment: {protocol} out and back, IPv{family}", family=BOTH,
      protocol=("udp", "echo"))
def there_and_back(lab, family, protocol):
    port = masquerade(lab, l4(protocol, A.ip[family], W[family], 1000, 80), family, protocol)
    packet = big(protocol, A.ip[family], W[family], 1000, 80)
    same_translation(lab, packet, translated(packet, src=N1[family], sport=port), family)
    answer = big(protocol, W[family], N1[family], 0 if protocol == "echo" else 80, port,
                 answer=True)
    back_in(lab, answer, translated(answer, dst=A.ip[family], dport=1000), family)


@case("fragment: the first packet of a flow, IPv{family}", family=BOTH)
def fragmented_first(lab, family):
    packet = big("udp", A.ip[family], W[family], 50000, 80)
    same_translation(lab, packet, translated(packet, src=N1[family], sport=50000), family)


@case("fragment: two datagrams interleaved, of two pods with one id, IPv{family}", family=BOTH)
def interleaved(lab, family):
    one, two = (big("udp", pod.ip[family], W[family], 50000 + pod.slot, 80) for pod in (A, B))
    wires = [
        translated(p, src=N1[family], sport=50000 + pod.slot) for p, pod in ((one, A), (two, B))
    ]
    pieces = [p for pair in zip(fragments(one, family), fragments(two, family)) for p in pair]
    results = [lab.to_net(p) for p in pieces]
    ids = [id_of(r.frame, family) for r in results[:2]]
    assert ids[0] != ids[1], f"two pods' datagrams have the id {ids[0]} outside"
    wanted = [fragments(w, family, i) for w, i in zip(wires, ids)]
    for result, outside in zip(results, [p for pair in zip(*wanted) for p in pair]):
        result.leaves(outside)


@case("fragment: no two pods' datagrams to one destination share an id, IPv{family}", family=BOTH,
      complete=False, cached=False)
def distinct_ids(lab, family):
    """A pod that sends many reuses its own ids; those of another pod always differ."""
    first = {
        pod.name: fragments(big("udp", pod.ip[family], W[family], 50000 + pod.slot % 9, 80), family)[0]
        for pod in (A, B, D)
    }
    seen = {name: set() for name in first}
    turns = ["A"] * 200 + ["B"] * 3 + ["D"]
    for number in range(1200):
        name = turns[number % len(turns)]
        result = lab.to_net(first[name])
        assert result.passes, result.describe()
        ident = id_of(result.frame, family) & 0xffff
        assert ident not in seen[name], f"{name} has {ident} twice"
        seen[name].add(ident)
    assert not seen["A"] & seen["B"] | seen["A"] & seen["D"] | seen["B"] & seen["D"]


@case("fragment: ids of a deleted pod are reused only after a while, IPv{family}", family=BOTH,
      complete=False, cached=False)
def ids_of_the_dead(lab, family):
    def ids(pod, count):
        piece = fragments(big("udp", pod.ip[family], W[family], 50000, 80), family)[0]
        return {id_of(lab.to_net(piece).frame, family) & 0xffff for _ in range(count)}

    old = ids(A, 20)
    lab.put_pod(A, generation=A.generation + 1)
    assert not old & ids(A, 600)
    lab.advance(200)
    assert old & ids(B, 600) or old & ids(A, 600), "ids are never free again"


def all_owned(lab, pod, segments, expires):
    """pp_frag_ids as if @pod had that many segments, all used up."""
    owner = (pod.slot + 1) << 48 | pod.generation
    segment = [dict(owner=owner, expires=expires, next=512)] * segments
    for bucket in range(lab.maps["pp_frag_ids"].max_entries):
        lab.put("pp_frag_ids", bucket, dict(segment=segment))


@case("fragment: a greedy pod reuses its own ids and leaves some to others, IPv{family}",
      family=BOTH, complete=False, cached=False)
def greedy(lab, family):
    for segments in (64, 63, 120, 128):
        all_owned(lab, A, segments, lab.now + 30)
        mine = fragments(big("udp", A.ip[family], W[family], 50000, 80), family)[0]
        other = fragments(big("udp", B.ip[family], W[family], 50000, 80), family)[0]
        taken = {(id_of(lab.to_net(mine).frame, family) & 0xffff) >> 9 for _ in range(3)}
        assert len(taken) == 1
        others = lab.to_net(other)
        if segments == 128:
            others.dropped()
            assert lab.counted("fragment_id") == 1
        else:
            assert (id_of(others.frame, family) & 0xffff) >> 9 not in taken
        owned = sum(s["owner"] & 0xffff0000ffffffff == (A.slot + 1) << 48 | A.generation
                    for bucket in range(256) for s in lab.maps["pp_frag_ids"][bucket]["segment"])
        assert owned == segments * 256 + (segments == 63), f"{owned} segments of {segments}"


@case("fragment: IPv4 without DF gets a unique id, {protocol}", protocol=("tcp", "udp", "echo"))
def may_fragment(lab, protocol):
    ids = {}
    for pod in (A, B):
        packet = l4(protocol, pod.ip[4], W[4], 50000 + pod.slot, 80, flags=0) if protocol != "tcp" else (
            ip(pod.ip[4], W[4], flags=0) / TCP(sport=50000 + pod.slot, dport=80, flags="S"))
        for _ in range(3):
            result = lab.to_net(packet)
            outside = translated(packet, src=N1[4])
            outside[IP].id = id_of(result.frame, 4)
            result.leaves(outside)
            ids.setdefault(pod.name, set()).add(outside[IP].id)
    assert len(ids["A"] | ids["B"]) == 6


@case("fragment: segments of one packet have consecutive ids of the pod", complete=False)
def gso_ids(lab):
    """The kernel gives segments the ids that follow the packet's."""
    used = set()
    for pod in (A, B) * 12:
        packet = udp(pod.ip[4], W[4], 50000 + pod.slot, 80, bytes(3000), flags=0)
        frame = bytes(Ether(src=MACS["up0"], dst=ROUTER_MAC) / packet)
        result = lab.run("pp_to_net", frame, "up0", gso_size=66)
        assert result.passes, result.describe()
        ids = set(range(id_of(result.frame, 4), id_of(result.frame, 4) + 46))
        assert not ids & used and max(ids) < 65536
        used |= ids


@case("fragment: a native datagram keeps its id, IPv{family}", family=BOTH)
def native_id(lab, family):
    lab.put_nomasq(W[family], {4: 32, 6: 128}[family], "NOMASQ_NATIVE")
    for piece in fragments(big("udp", A.ip[family], W[family], 50000, 80), family):
        lab.to_net(piece).passed()
    if family == 4:
        lab.to_net(udp(A.ip[4], W[4], 50000, 80, flags=0)).passed()


@case("fragment: later ones in any order after the first, IPv{family}", family=BOTH)
def reversed_tail(lab, family):
    packet = big("udp", A.ip[family], W[family], 50000, 80)
    wire = translated(packet, src=N1[family], sport=50000)

    def order(pieces):
        return pieces[:1] + pieces[:0:-1]

    leave_as(lab, order(fragments(packet, family)), lambda i: order(fragments(wire, family, i)), family)


@case("fragment: without its first it does not leave, IPv{family}", family=BOTH)
def no_first_out(lab, family):
    packet = big("udp", A.ip[family], W[family], 50000, 80)
    for piece in fragments(packet, family)[1:]:
        lab.to_net(piece).dropped()


@case("fragment: without its first, from outside, it passes to the stack, IPv{family}", family=BOTH)
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


@case("fragment: the rest of a deleted pod's datagram does not reach its successor, IPv{family}",
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


@case("fragment: TCP with a truncated header is dropped, IPv{family}", family=BOTH)
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


@case("fragment: an atomic fragment (offset 0, no more) is a complete packet")
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


@case("fragment: fragmented ICMP other than echo does not leave")
def icmp_pieces(lab):
    for kind, family in ((ICMP(type=13), 4), (ICMPv6EchoRequest(type=139), 6)):
        packet = ip(A.ip[family], W[family]) / kind / Raw(bytes(200))
        for piece in fragments(packet, family):
            lab.to_net(piece).dropped()
