# SPDX-License-Identifier: GPL-2.0-only
"""What to try next: small ranges and few names, so that everything meets everything."""
import ipaddress

POOLS = ["default", "mars", "venus", "io", "pluto"]
RANGES = [ipaddress.ip_network("10.0.0.0/23"), ipaddress.ip_network("fd00::/112")]
CIDR_BITS = [range(25, 29), range(119, 125)]
MASK_BITS = [range(27, 33), range(123, 129)]


class Generator:
    def __init__(self, random, model):
        self.random, self.model, self.owners = random, model, 0

    def next(self):
        m, r = self.model, self.random
        old = [k[0] for k, v in m.pending.items() if m.clock - v[1] > 100]
        if old:  # before the kernel's clock and ours could disagree about what is expired
            return "release", old[0]
        many = len(m.leases) > 150
        kind = r.choices(["alloc", "release", "apply", "delete", "gc", "up"],
                         [30, 45 if many else 18, 25, 3, 2, 1])[0]
        return getattr(self, kind)()

    def alloc(self):
        m, r = self.model, self.random
        owner = r.choice(list(m.leases)) if m.leases and r.random() < 0.05 else f"o{self.owners}"
        if m.pending and r.random() < 0.2:
            owner = r.choice(list(m.pending))[0]
        self.owners += 1
        pool = r.choice(POOLS) if r.random() < 0.6 else None
        wanted = {}
        if r.random() < 0.15:
            wanted = {f: self.address(f) for f in (0, 1) if r.random() < 0.6}
        return "alloc", owner, pool, wanted

    def address(self, family):
        """Mostly one of a block that is held, now and then any."""
        blocks = [b for b in self.model.blocks if b.family == family]
        net = self.random.choice(blocks).net if blocks and self.random.random() < 0.9 else RANGES[family]
        return net.network_address + self.random.randrange(min(net.num_addresses, 512))

    def release(self):
        m, r = self.model, self.random
        known = [*m.leases, *(k[0] for k in m.pending)]
        return "release", r.choice(known) if known and r.random() < 0.95 else "nobody"

    def delete(self):
        return "delete", self.random.choice(POOLS)

    @staticmethod
    def gc():
        return ("gc",)

    @staticmethod
    def up():
        return ("up",)

    def cidr(self, family):
        bits = self.random.choice(CIDR_BITS[family])
        size = 1 << RANGES[family].max_prefixlen - bits
        n = self.random.randrange(RANGES[family].num_addresses // size)
        if family:
            n %= 16
        return ipaddress.ip_network((int(RANGES[family].network_address) + n * size, bits))

    def family(self, family):
        r = self.random
        part = {"cidrs": [self.cidr(family) for _ in range(r.choice([1, 1, 2, 3]))],
                "mask": r.choice(MASK_BITS[family]), "reserved": []}
        if r.random() < 0.03:
            part["mask"] = r.choice([20, 24, 26]) if not family else r.choice([110, 118, 128])
        self.reserve(part)
        return part

    def reserve(self, part):
        r = self.random
        part["reserved"] = []
        if r.random() < 0.25 and part["cidrs"]:
            cidr = r.choice(part["cidrs"])
            start, end = (cidr.network_address + r.randrange(cidr.num_addresses) for _ in range(2))
            if start > end and r.random() < 0.9:
                start, end = end, start
            part["reserved"] = [(cidr, start, end)]

    def spec(self):
        r = self.random
        spec = {"first": r.random() < 0.2, "last": r.random() < 0.2}
        families = r.choice([(0,), (0,), (1,), (0, 1), (0, 1), ()])
        spec.update({f: self.family(f) for f in families})
        return spec

    def changed(self, old):
        """A spec with one thing changed."""
        r = self.random
        spec = {k: dict(v, cidrs=list(v["cidrs"])) if isinstance(v, dict) else v for k, v in old.items()}
        family = r.choice((0, 1))
        if family not in spec:
            spec[family] = self.family(family)
            return spec
        part = spec[family]
        what = r.choice(["add", "add", "remove", "shift", "mask", "drop", "first", "last", "reserve", "order"])
        if what == "add":
            part["cidrs"].insert(r.randrange(len(part["cidrs"]) + 1), self.cidr(family))
        elif what == "remove" and len(part["cidrs"]) > 1:
            part["cidrs"].pop(r.randrange(len(part["cidrs"])))
        elif what == "shift":
            part["cidrs"][r.randrange(len(part["cidrs"]))] = self.cidr(family)
        elif what == "mask":
            part["mask"] = r.choice(MASK_BITS[family])
        elif what == "drop":
            del spec[family]
        elif what == "order":
            r.shuffle(part["cidrs"])
        elif what in ("first", "last"):
            spec[what] = not spec[what]
        else:
            self.reserve(part)
        part["reserved"] = [e for e in part["reserved"] if e[0] in part["cidrs"]]
        return spec

    def created(self):
        """What configuration creates: it knows no reserved ranges, and no pool without a family."""
        spec = self.spec()
        for family in {0, 1} & set(spec):
            spec[family]["reserved"] = []
        return {self.random.choice(POOLS): spec} if {0, 1} & set(spec) else {}

    def pools(self):
        m, r = self.model, self.random
        live = [n for n, p in m.pools.items() if not p.terminating]
        if len(live) > 1 and r.random() < 0.15:  # two pools swap what they have
            a, b = r.sample(live, 2)
            return {a: m.pools[b].spec, b: m.pools[a].spec}
        pools = {}
        for name in r.sample(POOLS, r.choice([1, 1, 1, 2, 3])):
            old = m.pools.get(name)
            pools[name] = self.changed(old.spec) if old and r.random() < 0.85 else self.spec()
            if old and r.random() < 0.1:
                pools[name] = old.spec
        return pools

    def apply(self):
        m, r = self.model, self.random
        options, claims, pools = {}, {}, {}
        if r.random() < 0.3:
            options = r.choice([
                lambda: {"default": r.choice(POOLS)},
                lambda: {"pre_allocation": {p: r.choice([1, 2, 8, 16]) for p in POOLS if r.random() < 0.4}
                         or {"default": 4}},
                lambda: {"families": r.choice([(0,), (0, 1), (0, 1), (1,)])},
                lambda: {"auto": self.created()},
            ])()
        if r.random() < 0.15:
            claims = {r.choice(["n2", "n3"]): [self.claim() for _ in range(r.choice([0, 1, 2]))]}
        if r.random() < 0.8 or not (options or claims):
            pools = self.pools()
        return "apply", pools, options, claims

    def claim(self):
        family = self.random.choice((0, 1))
        cidr = self.cidr(family)
        bits = min(cidr.prefixlen + 3, cidr.max_prefixlen)
        size = 1 << cidr.max_prefixlen - bits
        return ipaddress.ip_network((int(cidr.network_address) + self.random.randrange(8) * size %
                                     cidr.num_addresses, bits))
