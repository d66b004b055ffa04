# SPDX-License-Identifier: GPL-2.0-only
"""An audit of the IPAM maps that shares nothing with `pinpool check`: a list of violations."""
import ipaddress
import sys

from maps import FAMILIES, Maps, network


class Audit:
    """Reads every map once; violations() is what does not hold."""

    def __init__(self, maps):
        self.maps, self.bad = maps, []
        self.ipam, self.config = maps.one("pp_ipam"), maps.one("pp_config")
        self.pools = dict(maps.items("pp_pools"))
        self.blocks = dict(sorted(maps.items("pp_blocks")))
        self.leases = [(f'{o["id"]}/{o["ifname"]}', lease) for o, lease in maps.items("pp_leases")]
        self.nets = {i: network(b["prefix"]) for i, b in self.blocks.items()}
        self.cidrs = {}
        for key, value in maps.items("pp_pool_cidrs"):
            self.cidrs[key["pool"], FAMILIES[key["family"]], key["index"]] = network(value["cidr"])

    def expect(self, right, text):
        if not right:
            self.bad.append(text)

    def equal(self, what, found, wanted):
        self.expect(found == wanted, f"{what}: is {found}, should be {wanted}")

    def violations(self):
        self.in_use = self.check_leases()
        self.check_bitmaps()
        self.check_disjoint()
        for pool_id, pool in self.pools.items():
            for family in (0, 1):
                self.check_family(pool_id, pool, family)
        self.check_counts()
        self.check_cidrs()
        self.check_pods()
        self.check_objects()
        return self.bad

    def check_leases(self):
        """Block id -> the offsets that leases have."""
        owners, in_use = {}, {i: set() for i in self.blocks}
        for owner, lease in self.leases:
            for family, ip in enumerate(lease["ip"]):
                if not ip["block"]:
                    self.equal(f"lease {owner}: address without block", ip["address"], "")
                    continue
                address, block = ip["address"], self.blocks.get(ip["block"])
                self.expect(address not in owners, f"{address}: in two leases, {owner} and {owners.get(address)}")
                owners[address] = owner
                if not block:
                    self.bad.append(f"lease {owner}: {address} is of block {ip['block']}, which does not exist")
                    continue
                self.equal(f"lease {owner}: pool", ip["pool"], block["pool"])
                self.equal(f"lease {owner}: family", FAMILIES[block["family"]], family)
                offset = int(ipaddress.ip_address(address)) - int(self.nets[ip["block"]].network_address)
                self.expect(block["low"] <= offset < block["high"],
                            f"lease {owner}: {address} is reserved in {self.nets[ip['block']]}")
                in_use[ip["block"]].add(offset)
        self.owners = owners
        return in_use

    def check_bitmaps(self):
        found, wanted = {i: set() for i in self.blocks}, set()
        self.with_room = set()
        chunks = {}
        for key, value in self.maps.items("pp_ips"):
            chunks[key["block"], key["chunk"]] = value["word"]
        excluded = {}
        for key, value in self.maps.items("pp_excluded"):
            bits = sum(w << 64 * i for i, w in enumerate(value["word"]))
            self.expect(bits and key["block"] in self.blocks, f"pp_excluded: {key} is of no use")
            excluded[key["block"], key["chunk"]] = {key["chunk"] * 512 + n for n in range(512) if bits >> n & 1}
        for i, block in self.blocks.items():
            bits = set().union(*(v for k, v in excluded.items() if k[0] == i))
            self.equal(f"block {self.nets[i]}: excluded", block["excluded"], len(bits))
            self.expect(bits <= set(range(block["low"], block["high"])),
                        f"block {self.nets[i]}: what no pod has is excluded")
            wanted |= {(i, c) for c in range((block["size"] + 511) // 512)}
        self.expect(set(chunks) == wanted, f"pp_ips: chunks {set(chunks) ^ wanted} are too many or missing")
        for (block, chunk), words in chunks.items():
            if block not in self.blocks:
                continue
            b, bits = self.blocks[block], sum(w << 64 * i for i, w in enumerate(words))
            used = {chunk * 512 + n for n in range(512) if bits >> n & 1} if bits else set()
            found[block] |= used
            room = range(max(b["low"], chunk * 512), min(b["high"], chunk * 512 + 512))
            self.equal(f"block {self.nets[block]}: full bit of chunk {chunk}",
                       b["full"][chunk // 64] >> chunk % 64 & 1, int(set(room) <= used | excluded.get((block, chunk), set())))
            self.with_room |= {block} if set(room) - used - excluded.get((block, chunk), set()) else set()
        for i, block in self.blocks.items():
            self.expect(found[i] == self.in_use[i], f"block {self.nets[i]}: bitmap and leases differ in offsets "
                        f"{sorted(found[i] ^ self.in_use[i])[:10]}")
            self.equal(f"block {self.nets[i]}: used", block["used"], len(self.in_use[i]))

    is_static = property(lambda self: self.config["allocator"] == "NODE_ALLOCATOR_STATIC")

    def is_covered(self, pool, net):
        return self.pools[pool]["state"] == "POOL_ACTIVE" and any(
            key[0] == pool and cidr.version == net.version and net.subnet_of(cidr)
            for key, cidr in self.cidrs.items())

    def check_disjoint(self):
        def neighbours(entries):
            entries = sorted(entries, key=lambda e: (e[0].version, e[0].network_address, e[0].prefixlen))
            for (a, x), (b, y) in zip(entries, entries[1:]):
                self.expect(a.version != b.version or not a.overlaps(b), f"{x} {a} overlaps {y} {b}")
        neighbours([(net, "block") for net in self.nets.values()])
        ranges = [(net, f"CIDR of pool {key[0]}") for key, net in self.cidrs.items()
                  if self.pools[key[0]]["state"] == "POOL_ACTIVE"]
        # in static mode a block may drain for want of being listed: it lies in its pool's CIDR still
        ranges += [(self.nets[i], f"draining block of pool {b['pool']}") for i, b in self.blocks.items()
                   if b["state"] == "BLOCK_DRAINING" and not
                   (self.is_static and self.is_covered(b["pool"], self.nets[i]))]
        neighbours(ranges)

    def check_family(self, pool_id, pool, family):
        f, name = pool["family"][family], f'pool {pool["name"]} family {family}'
        blocks = {i: b for i, b in self.blocks.items()
                  if b["pool"] == pool_id and FAMILIES[b["family"]] == family}
        active = {i: b for i, b in blocks.items() if b["state"] == "BLOCK_ACTIVE"}
        draining = [b for i, b in blocks.items() if i not in active]
        self.equal(f"{name}: blocks", f["blocks"], len(blocks))
        self.equal(f"{name}: capacity", f["capacity"], sum(b["high"] - b["low"] - b["excluded"] for b in active.values()))
        self.equal(f"{name}: in_use", f["in_use"], sum(b["used"] for b in active.values()))
        self.equal(f"{name}: empty", f["empty"], sum(not b["used"] for b in active.values()))
        self.equal(f"{name}: draining", f["draining"], sum(b["used"] for b in draining))
        order, at, before = [], f["first"], 0
        while at in blocks and at not in order:
            self.equal(f"{name}: prev of block {at}", blocks[at]["prev"], before)
            order.append(at)
            before, at = at, blocks[at]["next"]
        self.equal(f"{name}: list of blocks", order + [at], sorted(blocks) + [0])
        self.equal(f"{name}: last", f["last"], max(blocks, default=0))
        with_room = [i for i in active if i in self.with_room]
        self.expect(not with_room or 0 < f["hint"] <= min(with_room),
                    f"{name}: hint {f['hint']} is behind block {min(with_room, default=0)}, which has room")
        self.expect(not f["hint"] or f["hint"] in blocks, f"{name}: hint {f['hint']} is no block of it")
        cidrs = [net for key, net in self.cidrs.items() if key[:2] == (pool_id, family)]
        self.equal(f"{name}: cidrs", f["cidrs"], len(cidrs))
        if pool["state"] == "POOL_TERMINATING":
            self.expect(not active, f"{name}: terminating with active blocks")
        for i, b in blocks.items():
            covered = self.is_covered(pool_id, self.nets[i])
            if not covered or not self.is_static:
                self.equal(f"block {self.nets[i]}: state", b["state"],
                           "BLOCK_ACTIVE" if covered else "BLOCK_DRAINING")
            self.expect(b["used"] or b["state"] == "BLOCK_ACTIVE", f"block {self.nets[i]}: draining, empty, still here")

    def check_counts(self):
        self.equal("pp_ipam: lock", self.ipam["lock"], 0)
        for what, number in (("pools", len(self.pools)), ("blocks", len(self.blocks)),
                             ("leases", len(self.leases))):
            self.equal(f"pp_ipam: {what}", self.ipam[what], number)
        ids = {key["name"]: value for key, value in self.maps.items("pp_pool_ids")}
        self.equal("pp_pool_ids", ids, {p["name"]: i for i, p in self.pools.items()})
        self.equal("pp_config: synced", self.config["synced"], self.ipam["generation"])
        for key in self.cidrs:
            self.expect(key[0] in self.pools, f"pp_pool_cidrs: {key} is of no pool")
        for i, b in self.blocks.items():
            self.expect(b["pool"] in self.pools, f"block {self.nets[i]}: of no pool")

    def check_cidrs(self):
        """pp_cidrs: local blocks are all there, and nothing local beside them."""
        local = set()
        for key, value in self.maps.items("pp_cidrs"):
            if value["kind"] == "CIDR_LOCAL":
                local.add(network(key))
        self.equal("pp_cidrs: local", local, set(self.nets.values()))

    def check_pods(self):
        pods = self.maps.array("pp_pods", 16384)
        slots = {}
        for owner, lease in self.leases:
            if lease["state"] != "LEASE_HELD":
                self.expect(lease["slot"] not in slots, f"slot {lease['slot']}: of two leases")
                slots[lease["slot"]] = lease
                self.equal(f"lease {owner}: generation of its slot",
                           pods.get(lease["slot"], {}).get("generation"), lease["generation"])
        self.equal("pp_pods: slots in use", set(pods), set(slots))
        self.equal("pp_ipam: pods", self.ipam["pods"], len(pods))
        published = {a: v["slot"] for a, v in self.maps.items("pp_pod_ips")}
        self.equal("pp_pod_ips", published,
                   {ip["address"]: lease["slot"] for _, lease in self.leases
                    if lease["state"] == "LEASE_BOUND" for ip in lease["ip"] if ip["block"]})

    def check_objects(self):
        chunks, heads = {}, {}
        for key, value in (self.maps.items("pp_objects") + self.maps.items("pp_nodes") +
                           self.maps.items("pp_metadata")):
            name = key["kind"], key["namespace"], key["name"]
            chunks.setdefault(name, set()).add(key["chunk"])
            if not key["chunk"]:
                heads[name] = value
        for name, found in chunks.items():
            self.expect(name in heads, f"object {name}: litter {found}")
            if name in heads:
                head = heads[name]
                wanted = {(head["version"] & 1) << 16 | i for i in range(1, -(-head["length"] // 1528))} | {0}
                self.equal(f"object {name}: chunks", found, wanted)
        pools = {name for kind, _, name in heads if kind == "OBJECT_POOL"}
        self.equal("objects of pools", pools, {p["name"] for p in self.pools.values()})


def audit(maps):
    return Audit(maps).violations()


if __name__ == "__main__":
    found = audit(Maps(*sys.argv[1:]))
    for line in found:
        print(line)
    sys.exit(bool(found))
