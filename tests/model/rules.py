# SPDX-License-Identifier: GPL-2.0-only
"""One node by the rules of pinpool-ipam(7): the plain reference that the program is compared with."""
import copy
import ipaddress

TRACKED = 65536
UNTIL_EXPIRED = 300


class Refused(Exception):
    """The program must say no, with this in its sentence, and change nothing."""


class Block:
    def __init__(self, pool, family, net, first, last, size_mask):
        self.pool, self.family, self.net, self.mask = pool, family, net, size_mask
        self.draining, self.used = False, set()
        tracked = min(net.num_addresses, TRACKED)
        self.low, self.high = 0, tracked
        if tracked > 2:
            self.low, self.high = int(not first), tracked - int(not last)
        self.cursor = self.low

    usable = property(lambda self: self.high - self.low)
    free = property(lambda self: self.usable - len(self.used))

    def next_fit(self):
        order = [*range(self.cursor, self.high), *range(self.low, min(self.cursor, self.high))]
        return next((n for n in order if n not in self.used), None)

    def take(self, offset):
        self.used.add(offset)
        self.cursor = offset + 1
        return self.net.network_address + offset


def first_block_from(cidr, mask, address):
    """The address of the first block of that size at or after an address of the CIDR."""
    start, step = int(cidr.network_address), 1 << cidr.max_prefixlen - mask
    return start - (start - int(address)) // step * step


class Pool:
    """spec: {family: {"cidrs": [net], "mask": n, "reserved": [(net, start, end)]}, "first", "last"}"""

    def __init__(self, spec):
        self.spec, self.terminating = spec, False
        self.cursors = {}  # CIDR -> the address after the block that was handed out last

    def cidrs(self, family):
        return self.spec[family]["cidrs"] if family in self.spec else []

    def covers(self, net):
        family = 0 if net.version == 4 else 1
        return not self.terminating and any(net.subnet_of(c) for c in self.cidrs(family))

    def change(self, spec):
        masks = {c: spec[f]["mask"] for f in (0, 1) if f in spec for c in spec[f]["cidrs"]}
        self.cursors = {c: first_block_from(c, masks[c], a) for c, a in self.cursors.items() if c in masks}
        self.spec, self.terminating = spec, False


class Model:
    def __init__(self):
        self.pools, self.blocks, self.leases, self.pending = {}, [], {}, {}
        self.claims = {}  # other node -> its blocks
        self.families, self.default, self.pre_allocation, self.auto = (0,), "default", {"default": 8}, {}
        self.clock = 0.0

    # --- demand and blocks (4, 5, 6)

    def held(self, pool, family):
        return [b for b in self.blocks if (b.pool, b.family) == (pool, family)]

    def active(self, pool, family):
        return [b for b in self.held(pool, family) if not b.draining]

    def expire(self):
        self.pending = {k: v for k, v in self.pending.items() if self.clock - v[1] <= UNTIL_EXPIRED}

    def needed(self, pool, family):
        if family not in self.families:
            return 0
        used = sum(len(b.used) for b in self.active(pool, family))
        demand = used + sum(k[1] == family and v[0] == pool for k, v in self.pending.items())
        p = self.pre_allocation.get(pool, 0)
        return -(-(demand + p) // p) * p if p else demand

    def capacity(self, pool, family):
        return sum(b.usable for b in self.active(pool, family))

    def carve(self, name, family):
        """The first CIDR with room, next-fit from its cursor (5)."""
        pool, mask = self.pools[name], self.pools[name].spec[family]["mask"]
        taken = [b.net for b in self.blocks] + [c for claims in self.claims.values() for c in claims]
        reserved = pool.spec[family]["reserved"]
        for cidr in pool.cidrs(family):
            step = 1 << cidr.max_prefixlen - mask
            count = cidr.num_addresses // step
            start = int(cidr.network_address)
            cursor = (int(pool.cursors.get(cidr, start)) - start) // step
            for i in range(count):
                at = start + (cursor + i) % count * step
                net = ipaddress.ip_network((at, mask))
                if any(net.overlaps(t) for t in taken if t.version == net.version):
                    continue
                if any(int(s) < at + step and int(e) >= at for _, s, e in reserved):
                    continue
                pool.cursors[cidr] = at + step
                return net
        return None

    def balance(self, name, family):
        pool = self.pools.get(name)
        if not pool:
            return
        if self.needed(name, family) > self.capacity(name, family):
            while not pool.terminating and family in pool.spec and \
                    self.needed(name, family) > self.capacity(name, family):
                net = self.carve(name, family)
                if not net:
                    return
                self.blocks.append(Block(name, family, net, pool.spec["first"], pool.spec["last"],
                                         pool.spec[family]["mask"]))
            return
        used = sum(len(b.used) for b in self.active(name, family))
        wanted = max(self.needed(name, family) - used, 0)
        free = sum(b.free for b in self.active(name, family))
        for block in reversed(self.active(name, family)):
            if not block.used and free - block.free >= wanted:
                free -= block.free
                self.blocks.remove(block)

    def balance_all(self):
        for name in sorted(self.pools):
            for family in (0, 1):
                self.balance(name, family)

    def retire(self):
        self.blocks = [b for b in self.blocks if b.used or not b.draining]
        holders = {b.pool for b in self.blocks}
        for name in [n for n, p in self.pools.items() if p.terminating and n not in holders]:
            del self.pools[name]

    # --- leases (2, 3)

    def choose(self, pool, wanted):
        """The families in which the pod gets an address of the pool."""
        families = []
        for family in (0, 1):
            if family not in self.families:
                if wanted.get(family):
                    raise Refused("is not enabled")
                continue
            if pool not in self.pools or self.pools[pool].terminating:
                raise Missing(f'pool "{pool}" (family ipv{(4, 6)[family]}): pool not (yet) available')
            if family in self.pools[pool].spec:
                families.append(family)
            elif wanted.get(family):
                raise Refused(f'pool "{pool}" has no IPv{(4, 6)[family]} CIDRs')
        if not families:
            raise Refused("has no CIDRs of a family that is enabled")
        return families

    def find(self, pool, family, wanted):
        """(block, offset)"""
        if not self.held(pool, family):
            raise Shortage("all CIDR ranges are exhausted")
        if not wanted:
            for block in self.active(pool, family):
                if block.free:
                    return block, block.next_fit()
            raise Shortage("all CIDR ranges are exhausted")
        for block in self.held(pool, family):
            if wanted not in block.net:
                continue
            offset = int(wanted) - int(block.net.network_address)
            if not block.low <= offset < block.high:
                raise Refused("provided IP is not in the valid range. The range of valid IPs is " + str(block.net))
            if offset in block.used:
                raise Refused("provided IP is already allocated")
            if block.draining:
                raise Refused("is draining and allocates no addresses")
            return block, offset
        raise Refused(f"IP {wanted} not in range of any CIDR")

    def pend(self, owner, pool, families):
        for family in families:
            self.pending[owner, family] = pool, self.clock

    def alloc(self, owner, pool=None, wanted=None):
        """The owner's addresses, those of IPv4 first."""
        wanted = wanted or {}
        if owner not in self.leases:
            pool = pool or self.default
            try:
                families = self.choose(pool, wanted)
            except Missing as missing:
                self.pend(owner, pool, self.families)
                raise Refused(str(missing)) from None
            try:
                found = [(f, *self.find(pool, f, wanted.get(f))) for f in families]
            except Shortage:
                self.pend(owner, pool, families)
                for family in families:
                    self.balance(pool, family)
                found = [(f, *self.find(pool, f, wanted.get(f))) for f in families]
            self.leases[owner] = [(block, offset, block.take(offset)) for _, block, offset in found]
            self.pending = {k: v for k, v in self.pending.items() if k[0] != owner}
            for family in families:
                self.balance(pool, family)
        return [str(address) for _, _, address in self.leases[owner]]

    def release(self, owner):
        self.pending = {k: v for k, v in self.pending.items() if k[0] != owner}
        lease = self.leases.pop(owner, [])
        for block, offset, _ in lease:
            block.used.discard(offset)
        self.retire()
        for block, _, _ in lease:
            self.balance(block.pool, block.family)

    def gc(self):
        self.expire()
        self.balance_all()

    # --- objects (7, 9)

    def apply(self, pools, delete=(), claims=None, **options):
        """All or nothing: the pools' new specs, names to delete, other nodes' blocks, changed options."""
        new = copy.copy(self)
        new.pools = {n: copy.copy(p) for n, p in self.pools.items()}
        for name, value in options.items():
            setattr(new, name, value)
        for name in delete:
            if name not in new.pools:
                raise Refused(f"ciliumpodippool/{name}: not found")
        for name, spec in pools.items():
            check_spec(spec)
            new.pools.setdefault(name, Pool(spec)).change(spec)
        for name in delete:
            new.pools[name].terminating = True
        for name, spec in new.auto.items():
            check_spec(spec)
            if name not in new.pools or new.pools[name].terminating:
                new.pools.setdefault(name, Pool(spec)).change(spec)
        new.claims = {**self.claims, **(claims or {})}
        new.check_overlaps()
        self.__dict__.update(new.__dict__)
        for block in self.blocks:
            block.draining = not self.pools[block.pool].covers(block.net) or self.claimed(block.net)
        self.retire()
        self.balance_all()

    def claimed(self, net):
        """Another node lists (part of) it; check_overlaps() says that nobody here is in it."""
        return any(net.version == c.version and net.overlaps(c) for claims in self.claims.values() for c in claims)

    def check_overlaps(self):
        ranges = [(c, f"CIDR of {n}") for n, p in self.pools.items() if not p.terminating
                  for f in (0, 1) for c in p.cidrs(f)]
        for block in self.blocks:
            if block.used and not self.pools[block.pool].covers(block.net):
                ranges.append((block.net, "draining"))
        disjoint(ranges, "overlaps")
        disjoint([(c, n) for n, claims in self.claims.items() for c in set(claims)] +
                 [(b.net, "this node") for b in self.blocks if b.used], "overlap")

    def requested(self):
        """[(pool, needed by family)] as the CiliumNode shows it."""
        names = {*self.pools, *self.pre_allocation, *(p for p, _ in self.pending.values())}
        rows = []
        for name in sorted(names):
            pool = self.pools.get(name)
            needed = [self.needed(name, f) if not pool or pool.terminating or f in pool.spec else 0
                      for f in (0, 1)]
            if any(needed):
                rows.append((name, needed))
        return rows

    def allocated(self):
        """[(pool, its blocks, v4 first, numerically)]"""
        names = sorted({b.pool for b in self.blocks})
        key = lambda net: (net.version, net.network_address, net.prefixlen)  # noqa: E731
        return [(n, [str(c) for c in sorted((b.net for b in self.blocks if b.pool == n), key=key)])
                for n in names]


class Shortage(Refused):
    """No block, or none with room: demand is recorded."""


class Missing(Refused):
    """No such pool (yet): demand is recorded."""


def disjoint(ranges, word):
    ranges = sorted(ranges, key=lambda r: (r[0].version, r[0].network_address, r[0].prefixlen))
    for (a, _), (b, _) in zip(ranges, ranges[1:]):
        if a.version == b.version and a.overlaps(b):
            raise Refused(word)


def check_spec(spec):
    """What one pool must fulfil (7)."""
    for family in (0, 1):
        part = spec.get(family)
        if not part:
            continue
        disjoint([(c, "") for c in part["cidrs"]], "overlap")
        for cidr in part["cidrs"]:
            if part["mask"] < cidr.prefixlen:
                raise Refused("is shorter than the prefix")
            if family == 1 and part["mask"] - cidr.prefixlen > 16:
                raise Refused("more than 16 bits")
        for cidr, start, end in part["reserved"]:
            if start not in cidr or end not in cidr:
                raise Refused("outside of its CIDR")
            if start > end:
                raise Refused("starts after its end")
