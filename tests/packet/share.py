# SPDX-License-Identifier: GPL-2.0-only
"""The rules of fair shares (bpf/flow_share.bpf.h): which flows may be gone after a new one was made.

The programs choose a victim among a part of the table, so the model takes the one that it is shown,
after checking that the rules allow it. Of 16 ports the choice is exact.
"""
import collections

from model import PORTED, Violation

ORDER = ("closing", "replied", "unanswered", "live")


def worth(flow):
    if flow.state in ("closing", "replied"):
        return ORDER.index(flow.state)
    return 3 if flow.state in ("established", "stream") else 2


def fair(total, pods):
    return max(1, total // pods)


class Shares:
    """@table: the programs' own, as it was before the packet and, refreshed, as it is after."""
    def __init__(self, table):
        self.table = table
        self.note()

    def note(self):
        """Before each packet: all records, those of pods that are gone too."""
        self.records = len(self.table.records)
        self.counts = collections.Counter(r.pod[0] for r in self.table.records.values())

    def given(self, model, p, pod, masq):
        """Current flows that were evicted for a new one of @pod."""
        self.table.refresh()
        left = {r.abstract() for r in self.table.records.values()}
        gone = [f for f in model.live_flows() if (f.key, f.masq, f.port) not in left]
        for slot in [None, *gone]:
            ports = [f for f in gone if f is not slot]
            if (slot is None or self.gives_slot(model, slot, pod)) and (
                    not ports or self.gives_port(model, ports, slot, p, pod, masq)):
                return gone
        raise Violation("evicted against the rules: " +
                        ", ".join(f"{f.state} {f.key} of {f.pod.name}" for f in gone))

    def gives_slot(self, model, victim, pod):
        if self.records < model.flows_max:
            return False
        if victim.state == "closing":
            return True
        live = collections.Counter(f.pod.slot for f in model.live_flows())
        return any(self.allows(counts, fair(model.flows_max, len({*counts, pod.slot})), victim, pod)
                   for counts in (live, self.counts))

    @staticmethod
    def allows(counts, share, victim, pod):
        if counts[pod.slot] >= share or victim.state == "replied" and victim.pod is pod:
            return victim.pod is pod
        return counts[victim.pod.slot] > share

    def gives_port(self, model, victims, slot, p, pod, masq):
        """The first flow in eviction order among those that hold all ports."""
        if len(victims) > 1 or p.kind not in PORTED or p.kind == "request":
            return False
        low, high = model.ports
        keys = [(p.family, p.proto, p.dst, p.dport, masq, port) for port in range(low, high + 1)]
        holders = [model.lookup(model.backward, key) for key in keys]
        if None in holders or slot in holders:
            return False
        counts = collections.Counter(f.pod.slot for f in holders)
        share = fair(len(holders), len({*counts, pod.slot}))
        has_share = counts[pod.slot] >= share

        def rank(flow):
            own = flow.pod is pod
            if flow.state == "closing":
                return 0
            if own and has_share or not has_share and counts[flow.pod.slot] > share:
                return 4 if worth(flow) == 3 else worth(flow)
            return 3 if own and flow.state == "replied" else 9

        first = min((rank(f), f.expires) for f in holders)
        return first[0] < 9 and (rank(victims[0]), victims[0].expires) == first
