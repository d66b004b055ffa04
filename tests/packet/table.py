# SPDX-License-Identifier: GPL-2.0-only
"""The flow table in the maps, and its invariants."""
import collections
import ipaddress
import struct


class Record:
    """One slot that is in use."""
    def __init__(self, value, protocol):
        key = value["forward"]
        self.protocol = protocol
        self.source, self.remote = (ipaddress.ip_address(key[n]) for n in ("source", "destination"))
        self.masq = ipaddress.ip_address(value["masq_address"])
        self.sport, self.dport, self.port = key["source_port"], key["destination_port"], value[
            "masq_port"]
        self.state, self.expires = value["state"], value["expires"]
        self.pod = value["pod"], value["pod_generation"]

    def abstract(self):
        """As the model has it: the pod's packet, the address and the port outside."""
        key = (self.source.version, self.protocol, self.source.packed, self.sport,
               self.remote.packed, self.dport)
        return key, self.masq.packed, self.port

    def forward(self):
        return dict(source=str(self.source), destination=str(self.remote), source_port=self.sport,
                    destination_port=self.dport, protocol=self.protocol)

    def backward(self):
        return dict(source=str(self.remote), destination=str(self.masq), source_port=self.dport,
                    destination_port=self.port, protocol=self.protocol)


class Table:
    def __init__(self, maps):
        self.maps, self.codec = maps, maps["pp_flows"].value
        forward = next(field for field in self.codec.fields if field[0] == "forward")
        protocol = next(field for field in forward[3].fields if field[0] == "protocol")
        self.protocol_at = (forward[1] + protocol[1]) // 8
        self.raw = bytes(self.codec.size * maps["pp_flows"].max_entries)
        self.records = {}  # slot -> Record
        self.refresh()

    def refresh(self):
        """Reads the slots that changed."""
        new, size = self.maps["pp_flows"].read_all(), self.codec.size
        if new == self.raw:
            return
        for at in range(0, len(new), size):
            if new[at:at + size] != self.raw[at:at + size]:
                self.read(at // size, new[at:at + size])
        self.raw = new

    def read(self, slot, data):
        value = self.codec.unpack(data)
        if value["state"] in ("FLOW_FREE", "FLOW_DYING"):
            self.records.pop(slot, None)
        else:
            self.records[slot] = Record(value, data[self.protocol_at])

    def check(self, now):
        """Each current record is found by both keys, and each claim has one owner."""
        claims = {}
        for slot, record in self.records.items():
            if record.expires < now:
                continue
            for name, key in (("pp_flow_fwd", record.forward()), ("pp_flow_rev",
                                                                  record.backward())):
                assert key in self.maps[name], f"{name} lacks {key}"
                assert self.maps[name][key][
                    "slot"] == slot, f"{name} leads from {key} to another record"
            claim = tuple(record.backward().items())
            assert claim not in claims, f"two owners of {claim}"
            claims[claim] = slot
        head = self.maps["pp_flow_table"][0]
        assert head["used"] == len(
            self.records), f"{head['used']} slots counted, {len(self.records)} in use"

    def check_slots(self):
        """Every slot that was ever used is in use or on the free list, none twice."""
        head = self.maps["pp_flow_table"][0]
        fresh = min(head["fresh"], len(self.raw) // self.codec.size)
        link = head["free"] & 0xffffffff
        free = []
        while link and len(free) <= fresh:
            free.append(link - 1)
            link = self.codec.unpack(self.raw[free[-1] * self.codec.size:][:self.codec.size])["pod"]
        slots = free + list(self.records)
        assert len(
            set(slots)) == len(slots), f"a slot is free and in use, or free twice: {sorted(slots)}"
        assert len(slots) == fresh, f"{fresh} slots: {len(self.records)} in use, {len(free)} free"
        self.check_shares(head["pods"])

    def check_shares(self, pods):
        """Each pod's count is that of its records."""
        raw = self.maps["pp_pod_flows"].read_all()
        counts = struct.unpack(f"<{len(raw) // 4}I", raw)
        want = collections.Counter(r.pod[0] for r in self.records.values())
        got = {slot: n for slot, n in enumerate(counts) if n}
        assert got == dict(want), f"flows of pods are counted as {got}, and are {dict(want)}"
        assert pods == len(want), f"{pods} pods counted, {len(want)} have flows"
