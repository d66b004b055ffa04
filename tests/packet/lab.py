# SPDX-License-Identifier: GPL-2.0-only
"""The node of the packet tests: interfaces in its own namespace, maps as the loader fills them.

          A 10.10.0.5  B 10.10.0.6  (pool default)      D 10.20.0.5 (pool mars)
              podA          podB                            podD
    ---- node: up0 192.0.2.10 (default route), up1 198.51.100.10 (route to 203.0.113.128/25) ----
    other node C 10.10.1.5 via 192.0.2.20; the world: W 203.0.113.7, W2 203.0.113.8, V 203.0.113.200
"""
import ipaddress
import os
import re
import socket
import subprocess
import sys
from types import SimpleNamespace

from bpf import CHECKSUM_COMPLETE, Programs
from packets import Ether, explain, moved

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OBJECTS = ("pod", "uplink", "flows", "guard")

PASS, DROP, REDIRECT, XDP_DROP, XDP_PASS = (0, 3, 0xffffffff), 2, 7, 1, 2
HOST_MAC = "02:70:70:ff:ff:fe"
ROUTER_MAC = "02:00:00:00:0a:01"
MACS = {"up0": "02:00:00:00:00:10", "up1": "02:00:00:00:00:11"}
N1 = {4: "192.0.2.10", 6: "2001:db8:f::10"}
N1B = {4: "198.51.100.10", 6: "2001:db8:e::10"}  # of up1
N2 = {4: "192.0.2.20", 6: "2001:db8:f::20"}
BROADCAST = ("192.0.2.255", "198.51.100.255")  # of its two subnets
R = {4: "192.0.2.1", 6: "2001:db8:f::1"}
W = {4: "203.0.113.7", 6: "2001:db8:2::7"}
W2 = {4: "203.0.113.8", 6: "2001:db8:2::8"}
V = {4: "203.0.113.200", 6: "2001:db8:3::200"}
C = {4: "10.10.1.5", 6: "fd00:10:0:1::5"}
UNALLOCATED = {4: "10.10.0.9", 6: "fd00:10::9"}
GATEWAY = {4: "169.254.1.1", 6: "fe80::1"}
BLOCKS = {
    11: ("10.10.0.0", 27, 4, 1), 12: ("fd00:10::", 123, 6, 1), 21: ("10.20.0.0", 27, 4, 2),
    22: ("fd00:20::", 123, 6, 2)
}
REMOTE_BLOCKS = {4: ("10.10.1.0", 27), 6: ("fd00:10:0:1::", 123)}
POOL_CIDRS = (("10.10.0.0", 16, 1), ("fd00:10::", 48, 1), ("10.20.0.0", 16, 2), ("fd00:20::", 48,
                                                                                 2))
CLOCK_START = 10000


def pod_mac(slot):
    return "02:70:70:" + slot.to_bytes(3, "big").hex(":")


def make_pod(name, slot, pool, generation):
    net = {1: "10", 2: "20"}[pool]
    host = {"A": 5, "B": 6, "D": 5}[name]
    return SimpleNamespace(name=name, slot=slot, pool=pool, generation=generation,
                           interface=f"pod{name}", mac=pod_mac(slot),
                           ip={4: f"10.{net}.0.{host}", 6: f"fd00:{net}::{host}"})


A, B, D = make_pod("A", 3, 1, 70), make_pod("B", 4, 1, 71), make_pod("D", 16383, 2, 72)
PODS = (A, B, D)

LINKS = "link set lo up\n" + "".join(
    f"link add {name} address {mac} type veth peer name {name}-peer\nlink set {name}-peer up\n"
    f"link set {name} up\n"
    for name, mac in [*MACS.items(), ("spare", HOST_MAC), *((p.interface, HOST_MAC)
                                                            for p in PODS)]) + f"""
addr add {N1[4]}/24 dev up0
addr add {N1[6]}/64 dev up0 nodad
addr add {N1B[4]}/24 dev up1
addr add {N1B[6]}/64 dev up1 nodad
route add default via {R[4]} dev up0
route add default via {R[6]} dev up0
route add 203.0.113.128/25 via 198.51.100.1 dev up1
route add 2001:db8:3::/64 via 2001:db8:e::1 dev up1
route add 10.10.1.0/27 via {N2[4]} dev up0
route add fd00:10:0:1::/123 via {N2[6]} dev up0
route add unreachable 10.10.0.0/27 metric 1000
route add unreachable fd00:10::/123 metric 1000
route add unreachable 10.20.0.0/27 metric 1000
route add unreachable fd00:20::/123 metric 1000
""" + "".join(f"route add {p.ip[4]} dev {p.interface}\nroute add {p.ip[6]} dev {p.interface}\n"
              f"neigh add {p.ip[4]} lladdr {p.mac} dev {p.interface}\n"
              f"neigh add {p.ip[6]} lladdr {p.mac} dev {p.interface}\n"
              for p in PODS) + "".join(f"neigh add {a} lladdr {ROUTER_MAC} dev {dev}\n"
                                       for a, dev in ((R[4], "up0"), (R[6], "up0"), (N2[4], "up0"),
                                                      (N2[6], "up0"), ("198.51.100.1", "up1"),
                                                      ("2001:db8:e::1", "up1")))


def enter_namespace():
    """Starts this script again in its own network namespace."""
    if os.environ.get("PP_PACKET_NETNS") != "1":
        os.environ["PP_PACKET_NETNS"] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, "-B", *sys.argv])


def stay_on_cpu():
    """The flow cache is per CPU (bpf/flow_cache.bpf.h)."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def make_links():
    for name in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"):
        with open("/proc/sys/" + name, "w") as file:
            file.write("1")
    for family in ("-4", "-6"):
        wanted = [line for line in LINKS.splitlines() if line and family_fits(line, family)]
        subprocess.run(["ip", family, "-batch", "-"], input="\n".join(wanted), text=True,
                       check=True)


def family_fits(line, family):
    if line.startswith("link"):
        return family == "-4"
    return (family == "-6") == (":" in re.sub(r"lladdr \S+", "", line))


def build():
    """Makes the objects; returns those that have a source."""
    names = [n for n in OBJECTS if os.path.exists(f"{ROOT}/bpf/{n}.bpf.c")]
    targets = [f"build/{n}.bpf.o" for n in names]
    done = subprocess.run(["make", "-s", "-C", ROOT, *targets], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"make {' '.join(targets)}: {done.stderr}")
    return [f"{ROOT}/{t}" for t in targets]


def address_of(base, number):
    """The address @number behind @base."""
    return str(ipaddress.ip_address(base) + number)


def length128(address, length):
    return length + (0 if ":" in address else 96)


def own_filter(addresses):
    """ranges.own: a bit for each of the node's addresses (own_bit() in maps/ranges.h)."""
    words = [0] * 16
    for address in map(ipaddress.ip_address, addresses):
        whole = address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed
        folded = int.from_bytes(whole[:8], "little") ^ int.from_bytes(whole[8:], "little")
        bit = (folded * 0x9e3779b97f4a7c15 & (1 << 64) - 1) >> 54
        words[bit // 64] |= 1 << bit % 64
    return words


class Lab:
    """Programs, maps and interfaces; reset() brings the maps back to the start.

    The tick (bpf/flow_cache.bpf.h) changes with the maps, but not when a pod or a flow ends: programs
    must see that at once.
    """
    def __init__(self, rodata=None, sizes=None, verbose=False):
        self.bpf = Programs(verbose)
        for path in build():
            self.bpf.add(path, rodata, sizes)
        self.maps, self.flags = self.bpf.maps, 0
        names = [p.interface for p in PODS] + ["up0", "up1", "spare"]
        self.ifindex = {n: socket.if_nametoindex(n) for n in names}
        self.without = []
        self.tick = 0

    # --- maps -----------------------------------------------------------------------------------

    def reset(self, cached=False):
        """The maps as they are on a node that has just come up with its pods.

        @cached: and all of them are in the pod cache.
        """
        while self.without:
            self.change_routes("add", self.without.pop())
        for name in ("pp_pools", "pp_blocks", "pp_ips", "pp_cidrs", "pp_nomasq", "pp_uplinks",
                     "pp_pod_ips", "pp_flow_fwd", "pp_flow_rev", "pp_frags", "pp_inbound",
                     "pp_native_conns", "pp_node_conns", "pp_node_ips"):
            if name in self.maps:
                self.maps[name].clear()
        for name in ("pp_flows", "pp_flow_table", "pp_pod_flows", "pp_stats", "pp_event_rate", "pp_pod_cache",
                     "pp_frag_ids", "pp_flow_hints", "pp_expiries"):
            if name in self.maps:
                self.maps[name].zero()
        self.set_clock(CLOCK_START)
        self.ranges, self.own = {4: [], 6: []}, own_filter([*N1.values(), *N1B.values()])
        for pod in PODS:
            self.put_pod(pod)
        if cached:
            self.fill_pod_cache()
        self.config = dict(enabled=[1, 1], masquerade=[1, 1], endpoint_routes=1, default_pool=1,
                           mtu=1500)
        self.put("pp_config", 0, self.config)
        self.fill_pools()
        self.put("pp_uplinks", self.ifindex["up0"], dict(ifname="up0", address=[N1[4], N1[6]]))
        self.put("pp_uplinks", self.ifindex["up1"], dict(ifname="up1", address=[N1B[4], N1B[6]]))

    def fill_pools(self):
        for number, name in ((1, "default"), (2, "mars")):
            self.put("pp_pools", number, dict(name=name, state="POOL_ACTIVE"))
        for address, length, pool in POOL_CIDRS:
            self.put_cidr(address, length, kind="CIDR_POOL", pool=pool)
            self.put_range(address, length)
        for block, (address, length, family, pool) in BLOCKS.items():
            self.put_cidr(address, length, kind="CIDR_LOCAL", pool=pool, block=block)
            self.put_nomasq(address, length, "NOMASQ_POD")
            self.put(
                "pp_blocks", block,
                dict(pool=pool, family="FAMILY_IPV6" if family == 6 else "FAMILY_IPV4",
                     state="BLOCK_ACTIVE", prefix=dict(addr=address,
                                                       length=length128(address, length)), size=32,
                     low=1, high=31))
            used = sum(1 << int(re.split(r"[.:]", p.ip[family])[-1], 16) for p in PODS
                       if p.pool == pool)
            self.put("pp_ips", dict(block=block, chunk=0), dict(word=[used]))
        for family, (address, length) in REMOTE_BLOCKS.items():
            self.put_cidr(address, length, kind="CIDR_REMOTE", pool=1, next_hop=N2[family])
            self.put_nomasq(address, length, "NOMASQ_POD")
        for node, reason in ((N1, "NOMASQ_OWN"), (N1B, "NOMASQ_OWN"), (N2, "NOMASQ_NODE")):
            self.put_nomasq(node[4], 32, reason)
            self.put_nomasq(node[6], 128, reason)
        for address in BROADCAST:
            self.put_nomasq(address, 32, "NOMASQ_BROADCAST")

    def put(self, name, key, value):
        self.tick += 1
        if name in self.maps:
            self.maps[name][key] = value

    def take(self, name, key):
        self.tick += 1
        del self.maps[name][key]

    def put_cidr(self, address, length, **value):
        self.put("pp_cidrs", dict(length=length128(address, length), addr=address), value)

    def put_nomasq(self, address, length, reason):
        self.put("pp_nomasq", dict(length=length128(address, length), addr=address),
                 dict(reason=reason))

    def put_range(self, address, length):
        """pp_ranges, which must cover every local block."""
        net = ipaddress.ip_network(f"{address}/{length}")
        self.ranges[net.version].append(net)
        value = {"count": [len(self.ranges[4]), len(self.ranges[6])], "ipv4": [], "ipv6": [],
                 "own": self.own}
        for version, size in ((4, 4), (6, 8)):
            for n in self.ranges[version]:
                value[f"ipv{version}"].append({
                    "network": int.from_bytes(n.network_address.packed[:size], "little"),
                    "mask": int.from_bytes(n.netmask.packed[:size], "little")
                })
        self.put("pp_ranges", 0, value)

    def put_own(self, addresses, words=None):
        """More addresses, or the very words, in the filter of the node's own ones."""
        more = words or own_filter(addresses)
        self.own = [a | b for a, b in zip(self.own, more)]
        value = self.maps["pp_ranges"][0]
        self.put("pp_ranges", 0, {**value, "own": self.own})

    def advance(self, seconds):
        self.set_clock(self.now + seconds)

    def set_clock(self, now):
        self.now = now & 0xffffffff
        self.put("pp_clock", 0, self.now)

    def counted(self, name):
        """Packets counted under a name of pp_stats, over all CPUs."""
        return sum(copy[name]["packets"] for copy in self.maps["pp_stats"][0])

    def put_pod(self, pod, **changes):
        entry = dict(state="POD_READY", ifindex=self.ifindex[pod.interface],
                     generation=pod.generation, pool=[pod.pool, pod.pool], mac=pod.mac,
                     host_mac=HOST_MAC, mtu=1500, ip=[pod.ip[4], pod.ip[6]])
        self.put("pp_pods", pod.slot, {**entry, **changes})
        for family in (4, 6):
            self.maps["pp_pod_ips"][pod.ip[family]] = dict(
                slot=pod.slot, generation=changes.get("generation", pod.generation))

    def fill_pod_cache(self):
        """pp_pod_cache as pod_cache_set() fills it (bpf/pod.bpf.h)."""
        value = self.maps["pp_pod_cache"][0]
        for pod in PODS:
            for family in (4, 6):
                tag = int(ipaddress.ip_address(pod.ip[family])) & 0xffffffff
                value["entry"][(tag ^ tag >> 12) % len(value["entry"])] = dict(address=tag, slot=pod.slot)
        self.put("pp_pod_cache", 0, value)

    def mark(self, pod, used):
        """The pod's bit in the allocator's bitmap."""
        for block, (_, _, family, pool) in BLOCKS.items():
            if pool == pod.pool:
                key, bit = dict(block=block,
                                chunk=0), 1 << int(re.split("[.:]", pod.ip[family])[-1], 16)
                word = self.maps["pp_ips"][key]["word"]
                self.maps["pp_ips"][key] = dict(
                    word=[word[0] | bit if used else word[0] & ~bit, *word[1:]])

    def remove_pod(self, pod):
        """State after a pod's release: slot free, address unknown."""
        self.maps["pp_pods"][pod.slot] = dict(state="POD_FREE")
        self.mark(pod, False)
        for family in (4, 6):
            if pod.ip[family] in self.maps["pp_pod_ips"]:
                del self.maps["pp_pod_ips"][pod.ip[family]]

    def remove_route(self, pod):
        """Removes the pod's routes until the next reset, like the removal of its interface."""
        self.without.append(pod)
        self.change_routes("del", pod)

    def change_routes(self, verb, pod):
        self.tick += 1
        for family in (4, 6):
            subprocess.run(["ip", "route", verb, pod.ip[family], "dev", pod.interface], check=True)

    def set_config(self, **changes):
        self.config = {**self.config, **changes}
        self.put("pp_config", 0, self.config)

    # --- programs -------------------------------------------------------------------------------

    def run(self, program, frame, interface, gso_size=0, cb=(0, 0)):
        program = self.bpf.programs[program]
        result = program.run(frame, self.ifindex[interface], self.flags, gso_size=gso_size,
                             mark=self.tick, cb=cb)
        return Result(frame, *result, program.cb)

    def from_pod(self, pod, packet, src=None, dst=HOST_MAC, interface=None, gso_size=0):
        frame = bytes(Ether(src=src or pod.mac, dst=dst) / packet)
        return self.run("pp_from_pod", frame, interface or pod.interface, gso_size)

    def to_net(self, packet, uplink="up0", cb=(0, 0)):
        return self.run("pp_to_net", bytes(Ether(src=MACS[uplink], dst=ROUTER_MAC) / packet),
                        uplink, cb=cb)

    def from_net(self, packet, uplink="up0"):
        return self.run("pp_from_net", bytes(Ether(src=ROUTER_MAC, dst=MACS[uplink]) / packet),
                        uplink)

    def guard(self, frame):
        result = self.bpf.programs["pp_guard"].run(frame, 0, 0)
        return Result(frame, *result)

    def complete(self, on):
        self.flags = CHECKSUM_COMPLETE if on else 0


class Result:
    """Verdict and content of a frame after a program, with checks."""
    def __init__(self, sent, verdict, frame, cb=(0, 0)):
        self.sent, self.verdict, self.frame, self.cb = sent, verdict, frame, cb

    passes = property(lambda self: self.verdict in PASS)
    drops = property(lambda self: self.verdict == DROP)
    redirects = property(lambda self: self.verdict == REDIRECT)

    def describe(self):
        words = {DROP: "dropped", REDIRECT: "redirected"}
        how = "passed" if self.passes else words.get(self.verdict, f"verdict {self.verdict}")
        return f"{how}{'' if self.frame == self.sent else ', changed'}: {Ether(self.sent).summary()}"

    def passed(self):
        """Passed to the kernel's stack unchanged."""
        assert self.passes, self.describe()
        assert self.frame == self.sent, explain(self.frame, self.sent)

    def dropped(self):
        assert self.drops, self.describe()

    def refused(self):
        """Not forwarded: dropped, or passed unchanged to the stack, which replies or drops."""
        assert self.drops or (self.passes and self.frame == self.sent), self.describe()

    def leaves(self, packet):
        """Passed with exactly this content above the link layer."""
        assert self.passes, self.describe()
        wanted = self.frame[:14] + bytes(packet)
        assert self.frame == wanted, explain(self.frame, wanted)
        assert self.frame[:14] == self.sent[:14], "the link layer changed: " + self.describe()

    def delivered(self, pod, packet):
        """Redirected to that pod with exactly this content."""
        assert self.redirects, self.describe()
        wanted = bytes(Ether(src=HOST_MAC, dst=pod.mac) / packet)
        assert self.frame == wanted, explain(self.frame, wanted)

    def delivered_or_passed(self, pod, packet):
        """Delivered, or passed to the stack."""
        if self.redirects:
            self.delivered(pod, packet)
        else:
            self.passed()

    def forwarded(self, packet):
        """Forwarded with TTL decremented, or passed to the stack."""
        if self.passes:
            return self.passed()
        assert self.redirects, self.describe()
        wanted = self.frame[:14] + bytes(moved(packet))
        assert self.frame == wanted, explain(self.frame, wanted)
