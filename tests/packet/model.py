# SPDX-License-Identifier: GPL-2.0-only
"""The reference model: forwarding and masquerade in plain Python.

Each hook returns what may become of the frame as a list of (fate, frame); fates are PASS, DROP and
SEND (redirected). Where the rules leave the choice of a port, the model takes the one that it is
shown, after checking that the rules allow it.
"""
import ipaddress

import wire
from wire import ACK, FIN, RST, SYN, Packet

PASS, DROP, SEND = "pass", "drop", "send"
TIMEOUTS = {
    "syn": 60, "established": 7440, "closing": 70, "reset": 10, "transitory": 240, "unreplied": 30,
    "replied": 30, "stream": 180, "query": 60, "other": 60
}
STREAM_AFTER = 2
INBOUND, INBOUND_ESTABLISHED, FRAGMENT = 30, 7440, 60
NODE_HOLD, NODE_REFUSED_HOLD = 600, 10
ADDRESS_ONLY = (4, 41, 47, 50, 115, wire.SCTP)  # protocols that a new address does not break
PORTED = ("tcp", "udp", "request")
BOGONS = [
    ipaddress.ip_network(n) for n in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4",
                                      "255.255.255.255/32", "::1/128", "ff00::/8")
]
LINK_ONLY = [ipaddress.ip_network(n) for n in ("169.254.1.1/32", "fe80::/10")]
NOWHERE = [ipaddress.ip_network(n) for n in ("0.0.0.0/8", "127.0.0.0/8", "240.0.0.0/4", "::/127")]
MULTICAST = [ipaddress.ip_network(n) for n in ("224.0.0.0/4", "255.255.255.255/32", "ff00::/8")]
LINK_LOCAL = [ipaddress.ip_network(n) for n in ("169.254.0.0/16", "fe80::/10")]


def within(raw, networks):
    address = ipaddress.ip_address(bytes(raw))
    return any(address.version == n.version and address in n for n in networks)


class Violation(AssertionError):
    """The program broke a rule."""


class Flow:
    def __init__(self, key, pod, masq, port):
        self.key, self.pod, self.masq, self.port = key, pod, masq, port
        self.sent = self.received = self.began = 0
        self.state = None
        self.expires = 0

    def reverse(self):
        family, proto, _, _, remote, remote_port = self.key
        return (family, proto, remote, remote_port, self.masq, self.port)


class Model:
    def __init__(self, lab, ports, flows_max):
        self.lab, self.ports, self.flows_max = lab, ports, flows_max
        self.now = 0
        self.pods = {}  # address bytes -> Pod of the lab, ready ones
        self.blocks = []  # networks of this node
        self.exclusions = []  # networks never masqueraded
        self.own, self.broadcast = [], []  # the node's addresses, and its subnets'
        self.skipped = set()  # pool numbers that keep their addresses
        self.masq = {}  # (uplink, family) -> address bytes
        self.idents = {}  # (destination, 16 bits of an identification outside) -> (pod, until when)
        self.forward, self.backward, self.inbound, self.native_conns, self.fragments = {}, {}, {}, {}, {}
        self.shares = None  # view of the programs' table (share.py)
        self.node_conns = {}  # the node's own, as the peer answers -> [expiry, origin]

    # --- flows ----------------------------------------------------------------------------------

    def live(self, flow):
        return flow is not None and self.now <= flow.expires and self.pods.get(
            flow.key[2]) is flow.pod

    def lookup(self, table, key):
        flow = table.get(key)
        return flow if self.live(flow) else None

    def live_flows(self):
        return [f for f in self.forward.values() if self.live(f)]

    def forget(self, flow):
        self.forward.pop(flow.key, None)
        self.backward.pop(flow.reverse(), None)
        flow.expires = -1  # for its fragments

    def create(self, packet, pod, uplink, port):
        old = self.forward.get(packet.key())
        if old:
            self.forget(old)
        flow = Flow(packet.key(), pod, self.masq[uplink, packet.family], port)
        holder = self.backward.get(flow.reverse())
        if holder:
            self.forget(holder)  # the caller has made sure that it may
        self.forward[flow.key] = self.backward[flow.reverse()] = flow
        flow.began = self.now
        self.renew(flow, packet, True)
        return flow

    def renew(self, flow, packet, outward):
        """State and expiry after one more packet of the flow."""
        before = flow.state
        if packet.kind == "tcp" and not packet.later:
            self.renew_tcp(flow, packet.tcp_flags, outward)
        elif packet.proto == wire.UDP:
            self.renew_udp(flow, outward)
        elif packet.proto in (wire.ICMP, wire.ICMP6):
            flow.state = "query"
        elif packet.proto != wire.TCP:
            flow.state = "other"
        flow.expires = self.now + TIMEOUTS[flow.state]
        if flow.state == "closing" and flow.sent & RST:
            # a SYN that the pod resets leaves no state
            flow.expires = self.now + (TIMEOUTS["reset"] if before != "syn" else 0)
        elif flow.received & RST and flow.state == "established":
            flow.expires = self.now + TIMEOUTS["transitory"]
        elif flow.received & RST and flow.state == "syn" and flow.sent & SYN:
            flow.expires = self.now + TIMEOUTS["reset"]

    def renew_udp(self, flow, outward):
        """One exchange, or a stream once the pod continues it."""
        if flow.state is None:
            flow.state = "unreplied"
        elif not outward and flow.state == "unreplied":
            flow.state = "replied"
        elif outward and flow.state == "replied" and self.now - flow.began > STREAM_AFTER:
            flow.state = "stream"

    def renew_tcp(self, flow, flags, outward):
        """A RST from outside is ignored once the pod continues; a SYN of the pod restarts the flow."""
        if outward:
            anew = flow.state == "closing" or flow.received & RST
            if anew and flags & SYN and not flags & (ACK | RST):
                flow.sent = flow.received = 0
            if not flags & RST:
                flow.received &= ~RST
            flow.sent |= flags
        else:
            flow.received |= flags
        if flow.sent & RST or flow.sent & FIN and flow.received & (FIN | RST):
            flow.state = "closing"
        elif flow.received & SYN or (not flow.sent & SYN and flow.received & ACK):
            flow.state = "established"
        else:
            flow.state = "syn"

    # --- hooks ----------------------------------------------------------------------------------

    def from_pod(self, pod, frame):
        p = Packet(frame)
        stay, refuse = (PASS, frame), [(PASS, frame), (DROP, None)]
        if p.bad or p.kind == "icmp" and p.proto == wire.ICMP6 and 130 <= frame[p.l4] <= 143:
            return refuse  # of the link: neighbours, routers, groups
        if not p.sums_up:
            return [(DROP, None)]
        if p.src != raw(pod.ip[p.family]):
            return refuse if within(p.src or bytes(4), LINK_LOCAL) else [(DROP, None)]
        if self.forbidden(p) or self.about_others(p):
            return [(DROP, None)]
        if p.source_route:
            return refuse
        target = self.pods.get(p.dst)
        if target is None and within(p.dst, MULTICAST + NOWHERE + self.broadcast):
            return [(DROP, None)]
        if target is None and within(p.dst, LINK_ONLY) or target is pod:
            return refuse
        if p.ttl <= 1:
            return [stay]
        further = wire.one_hop_further(frame, p)
        if target:
            fates = [(SEND, ethernet(target, further))]
        else:
            fates = [(SEND, further), stay]
        return fates + [stay] if p.options or p.fragment else fates

    @staticmethod
    def forbidden(p):
        if p.kind == "udp" and (p.sport, p.dport) in ((67, 68), (547, 546)):
            return True
        return p.family == 4 and p.proto == wire.ICMP and not p.later and p.frame[p.l4] == 5

    @staticmethod
    def about_others(p):
        """An error, known or not, that quotes no packet to its sender."""
        unknown = p.kind == "icmp" and (p.frame[p.l4] < 128 if p.proto == wire.ICMP6 else p.frame[p.l4] == 4)
        if p.proto not in (wire.ICMP, wire.ICMP6) or (p.proto == wire.ICMP) != (p.family == 4):
            return False
        if p.kind != "error" and not unknown:
            return False
        q = p.embedded()
        return p.fragment or q.bad or q.kind in ("error", "icmp", "later") or q.dst != p.src

    def guard(self, frame):
        """Whether XDP drops it."""
        p = Packet(frame)
        if p.bad in ("not IP", "header") or not p.src:
            return None
        if within(p.src, BOGONS + self.blocks) or self.is_none(p):
            return True
        return within(p.dst, self.blocks) and (p.dst not in self.pods or self.martian(p))

    @staticmethod
    def is_none(p):
        """An unspecified source to a unicast destination."""
        return p.src == bytes(16) and p.dst[0] != 0xff

    def martian(self, p):
        """A source that is never forwarded to a pod."""
        stray = within(p.src, LINK_LOCAL) and not within(p.src, self.exclusions)
        return stray or within(p.src, LINK_ONLY + self.own)

    def from_net(self, frame):
        p = Packet(frame)
        if p.bad and p.bad not in ("extension", "l4", "tiny"):
            return [(PASS, frame), (DROP, None)]
        if p.dst == b"\xff" * 4 and not p.src[0]:
            return [(PASS, frame), (DROP, None)]  # a DHCP client
        if within(p.src, BOGONS + self.blocks) or self.is_none(p):
            return [(DROP, None)]
        if p.bad:
            nobody = within(p.dst, self.blocks) and (p.dst not in self.pods or self.martian(p))
            return [(DROP, None)] + [(PASS, frame)] * (not nobody)
        if within(p.dst, self.blocks):
            return self.to_pod(p, frame)
        if p.kind == "error":
            return self.error_in(p, frame)
        if p.later:
            entry = self.fragments.get(self.fragment_key(p))
            if not entry or entry[1] < self.now or not self.live(entry[0]):
                return [(PASS, frame)]
            return self.undo(p, frame, entry[0], renew=False)
        flow = self.lookup(self.backward, self.answer_key(p))
        if not flow or p.kind in ("request", "icmp"):
            self.node_receives(p)
            return [(PASS, frame)]
        if p.fragment:
            self.fragments[self.fragment_key(p)] = (flow, self.now + FRAGMENT)
        return self.undo(p, frame, flow)

    @staticmethod
    def answer_key(p):
        return p.key()

    @staticmethod
    def fragment_key(p):
        return (p.family, p.proto if p.family == 4 else 0, p.src, p.dst, p.ident)

    def undo(self, p, frame, flow, renew=True):
        """Masquerade reversed and delivered."""
        inside = wire.rewritten(frame, p, "dst", flow.key[2], flow.key[3])
        if renew:
            self.renew(flow, p, False)
        if p.ttl <= 1:  # the stack reports it to the sender
            return [(PASS, inside)]
        fates = [(SEND, ethernet(flow.pod, wire.one_hop_further(inside, p)))]
        return fates + [(PASS, inside)] if p.options or p.fragment else fates

    def to_pod(self, p, frame):
        pod = self.pods.get(p.dst)
        if not pod or self.martian(p):
            return [(DROP, None)]
        self.note_inbound(p, pod)
        if p.ttl <= 1:
            return [(PASS, frame)]
        fates = [(SEND, ethernet(pod, wire.one_hop_further(frame, p)))]
        return fates + [(PASS, frame)] if p.options or p.fragment or p.kind == "error" else fates

    def note_inbound(self, p, pod):
        """Connections from outside: only an opening packet is recorded."""
        if within(p.src, self.exclusions) or pod.pool in self.skipped or p.later:
            return
        family, proto, src, sport, dst, dport = p.key()
        key = (family, proto, dst, dport, src, sport)
        if self.lookup(self.forward, key):
            return
        opens = p.kind in ("udp", "request") or pure_syn(p)
        entry = self.inbound_entry(key)
        if opens and entry:
            entry[1] = max(entry[1], self.now + INBOUND)
        elif opens:
            self.inbound[key] = [pod, self.now + INBOUND]

    def inbound_entry(self, key):
        return self.entry_of(self.inbound, key)

    def entry_of(self, table, key):
        entry = table.get(key)
        if entry and entry[1] >= self.now and self.pods.get(key[2]) is entry[0]:
            return entry
        return None

    def to_net(self, frame, uplink, seen):
        """@seen: the frame that the program made, or None if it dropped it."""
        p = Packet(frame)
        if not p.src or not within(p.src, self.blocks):
            return self.host_out(p, frame)
        if p.bad or within(p.dst, MULTICAST + NOWHERE + LINK_ONLY):
            return [(DROP, None)]
        excluded = within(p.dst, self.exclusions)
        pod = self.pods.get(p.src)
        if not pod:
            return [(DROP, None), (PASS, frame)] if excluded else [(DROP, None)]
        if p.offset == 1 and p.proto == wire.TCP:  # over the flags of the first (RFC 3128)
            return [(DROP, None)]
        if p.later:
            return self.later_out(p, frame, excluded or pod.pool in self.skipped)
        excluded = excluded or pod.pool in self.skipped
        if p.kind == "error":
            return self.error_out(p, frame, excluded)
        flow = self.lookup(self.forward, p.key()) if p.kind not in ("reply", "icmp") else None
        if not flow:
            if excluded:
                if pure_syn(p):
                    self.native_conns[p.key()] = [pod, self.now + INBOUND_ESTABLISHED]
                return self.leave(p, frame)
            if self.continues_connection(p):
                return self.leave(p, frame)
            if not self.opens(p):
                return [(DROP, None)]
            flow = self.open(p, pod, uplink, seen)
            if not flow:
                return [(DROP, None)]
            if pure_syn(p):
                self.inbound.pop(p.key(), None)
                self.native_conns.pop(p.key(), None)
        else:
            self.renew(flow, p, True)
        outside = wire.rewritten(frame, p, "src", flow.masq, flow.port if p.kind in PORTED else None)
        ident = None
        if p.fragment or p.may_fragment:
            ident = self.own_ident(p, pod, seen)
            outside = wire.with_ident(outside, p, ident)
        if p.fragment:
            self.fragments[self.fragment_key(p)] = (flow, self.now + FRAGMENT, ident)
        return [(PASS, outside)]

    def own_ident(self, p, pod, seen):
        """Its new identification, which must be unique to this destination among pods."""
        if seen is None:
            raise Violation("dropped, though identifications are free")
        ident = Packet(seen).ident
        key = (p.dst, ident & 0xffff)
        owner, until = self.idents.get(key, (pod, 0))
        if owner is not pod and until >= self.now:
            raise Violation(f"the identification {ident} to there is another pod's")
        self.idents[key] = pod, self.now + FRAGMENT
        return ident

    def host_out(self, p, frame):
        """Not a pod's packet; ICMP errors of the node may quote reversed packets."""
        if p.bad:
            return [(PASS, frame), (DROP, None)]
        self.node_wins(p)
        q = p.embedded() if p.kind == "error" and not p.fragment else None
        flow = self.quoted_flow(q) if q else None
        if not flow:
            self.node_refuses(q)
            return [(PASS, frame)]
        return [(PASS, wire.error_checksum(self.quote_outside(frame, q, flow), p))]

    def node_wins(self, p):
        """A flow that collides with the node's packet ends, and its port stays reserved for a while."""
        low, high = self.ports
        if p.kind == "tcp" and p.tcp_flags & RST:  # nobody answers it
            return
        if p.later or not (p.kind in ("request", "sctp") or p.proto in ADDRESS_ONLY
                           or p.kind in ("tcp", "udp") and low <= p.sport <= high):
            return
        family, proto, src, sport, dst, dport = p.key()
        key = (family, proto, dst, dport, src, sport)
        self.node_conns[key] = [self.now + NODE_HOLD, "sent"]
        flow = self.lookup(self.backward, key)
        if flow:
            self.forget(flow)
            flow.expires = self.now - 1  # for its later fragments too

    def node_receives(self, p):
        """Packets without ports may belong to a tunnel of the node, unless it has refused them."""
        if not (p.kind == "sctp" or p.proto in ADDRESS_ONLY):
            return
        entry = self.node_conns.get(p.key())
        if not entry or entry[0] < self.now:
            self.node_conns[p.key()] = [self.now + NODE_HOLD, "received"]
        elif entry[1] != "refused":
            entry[0] = self.now + NODE_HOLD

    def node_refuses(self, q):
        if q and not q.bad and not q.later and (q.kind == "sctp" or q.proto in ADDRESS_ONLY):
            entry = self.node_conns.get(q.key())
            if entry and entry[1] in ("received", "refused"):
                entry[:] = self.now + NODE_REFUSED_HOLD, "refused"

    def quoted_flow(self, q):
        """The flow with the quoted reply."""
        if q.bad or q.kind in ("error", "icmp", "later", "request"):
            return None
        return self.lookup(self.forward, (q.family, q.proto, q.dst, q.dport, q.src, q.sport))

    @staticmethod
    def quote_outside(frame, q, flow):
        return wire.rewritten(frame, q, "dst", flow.masq,
                              flow.port if q.kind in ("tcp", "udp", "reply") else None)

    def leave(self, p, frame):
        """With the pod's own address."""
        if p.fragment:
            self.fragments[self.fragment_key(p)] = (None, self.now + FRAGMENT)
        return [(PASS, frame)]

    def later_out(self, p, frame, excluded):
        entry = self.fragments.get(self.fragment_key(p))
        if entry and entry[1] >= self.now:
            if entry[0] is None:
                return [(PASS, frame)]
            if self.live(entry[0]):
                outside = wire.rewritten(frame, p, "src", entry[0].masq, None)
                return [(PASS, wire.with_ident(outside, p, entry[2]))]
        return [(PASS, frame)] if excluded else [(DROP, None)]

    def continues_connection(self, p):
        """
        Continues a connection with the pod's own address. Only outside refreshes UDP, so that a pod
        cannot keep it open.
        """
        if pure_syn(p):
            return False
        entry = self.inbound_entry(p.key())
        if not entry and p.proto == wire.TCP:
            entry = self.entry_of(self.native_conns, p.key())
        if entry and p.proto == wire.TCP:
            entry[1] = self.now + (TIMEOUTS["reset"] if p.tcp_flags
                                   & RST else INBOUND_ESTABLISHED)
        return bool(entry)

    @staticmethod
    def opens(p):
        """Whether a packet without a flow may begin one."""
        if p.kind == "tcp":
            return not p.tcp_flags & RST and p.tcp_flags & (SYN | ACK) != SYN | ACK
        return p.kind in ("udp", "request", "sctp") or p.proto in ADDRESS_ONLY

    # --- new flows ------------------------------------------------------------------------------

    def claimable(self, key, p):
        """Whether a port is free: unclaimed, or its flow has ended."""
        holder = self.backward.get(key)
        if self.live(holder):
            return holder.key == p.key()
        expires, origin = self.node_conns.get(key, (0, "none"))
        return expires < self.now or origin == "refused"

    def reverse_key(self, p, uplink, port):
        return (p.family, p.proto, p.dst, p.dport, self.masq[uplink, p.family], port)

    def open(self, p, pod, uplink, seen):
        for flow in self.shares.given(self, p, pod, self.masq[uplink, p.family]):
            self.forget(flow)
        low, high = self.ports
        if p.kind not in PORTED:
            key = self.reverse_key(p, uplink, p.sport)
            if not self.claimable(key, p):
                if seen is not None:
                    raise Violation("another pod's flow was taken over")
                return None
            return self.admit(p, pod, uplink, p.sport, seen)
        keeps = p.kind == "request" or low <= p.sport <= high
        if keeps and self.claimable(self.reverse_key(p, uplink, p.sport), p):
            return self.admit(p, pod, uplink, p.sport, seen)
        if seen is None:
            if self.node_has_all(p, uplink):
                return None
            raise Violation("dropped, though a flow must give way")
        port = self.seen_port(p, seen)
        if not low <= port <= high and p.kind != "request":
            raise Violation(f"port {port} is out of the range")
        holder = self.backward.get(self.reverse_key(p, uplink, port))
        if self.live(holder):
            raise Violation(f"port {port} belongs to a live flow {holder.key}")
        if not self.live(holder) and not self.claimable(self.reverse_key(p, uplink, port), p):
            raise Violation(f"port {port} is the node's own")
        return self.admit(p, pod, uplink, port, seen)

    def node_has_all(self, p, uplink):
        """Whether the node itself uses every port to this destination."""
        low, high = self.ports if p.kind != "request" else (0, 0xffff)
        keys = (self.reverse_key(p, uplink, port) for port in range(low, high + 1))
        return not any(self.claimable(key, p) or self.live(self.backward.get(key)) for key in keys)

    def admit(self, p, pod, uplink, port, seen):
        if seen is None:
            raise Violation("dropped, though a flow must give way")
        return self.create(p, pod, uplink, port)

    @staticmethod
    def seen_port(p, seen):
        new = Packet(seen)
        return new.sport

    # --- ICMP errors ----------------------------------------------------------------------------

    def error_in(self, p, frame):
        """From outside, quoting a packet of a pod."""
        q = p.embedded()
        refuse = [(PASS, frame), (DROP, None)]
        if p.fragment or q.bad or q.kind in ("error", "icmp", "later", "reply") or q.src != p.dst:
            return refuse
        flow = self.lookup(self.backward, (q.family, q.proto, q.dst, q.dport, q.src, q.sport))
        if not flow:
            return refuse
        inside = wire.rewritten(frame, q, "src", flow.key[2], flow.key[3])
        inside = wire.rewritten(inside, p, "dst", flow.key[2], None)
        inside = wire.error_checksum(inside, p)
        if p.ttl <= 1:
            return refuse + [(PASS, inside)]
        fates = [(SEND, ethernet(flow.pod, wire.one_hop_further(inside, p)))]
        return fates + [(PASS, inside)] if p.options else fates

    def error_out(self, p, frame, excluded):
        """From a pod, quoting a packet that it received."""
        q = p.embedded()
        readable = not (p.fragment or q.bad or q.kind in ("error", "icmp", "later")
                        or q.dst != p.src)
        flow = self.quoted_flow(q) if readable else None
        if flow:
            outside = wire.rewritten(self.quote_outside(frame, q, flow), p, "src", flow.masq, None)
            return [(PASS, wire.error_checksum(outside, p))]
        if excluded:
            return self.leave(p, frame) if readable else [(DROP, None)]
        about_inbound = readable and q.src == p.dst and self.inbound_entry(
            (q.family, q.proto, q.dst, q.dport, q.src, q.sport))
        return [(PASS, frame)] if about_inbound else [(DROP, None)]


def pure_syn(p):
    return p.kind == "tcp" and p.tcp_flags & (SYN | ACK | RST | FIN) == SYN


def raw(address):
    return ipaddress.ip_address(address).packed


def ethernet(pod, frame):
    from lab import HOST_MAC
    return bytes.fromhex((pod.mac + HOST_MAC).replace(":", "")) + frame[12:]
