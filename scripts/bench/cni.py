# SPDX-License-Identifier: GPL-2.0-only
"""CNI ADD and DEL as a runtime calls them: alone, 200 in a row, 8 in parallel; time and memory."""
import json
import os

from common import CNI_DIR, PINPOOL_CNI, SCRATCH, BenchError, ip, median, percent, run, say, spawn
from ipam import Node
from lab import cni_config
from report import table

NAMES = ("true", "ptp", "ptp-masq", "bridge", "bridge-masq", "pinpool")
IN_A_ROW = 200
PARALLEL = 8
# big enough for 200 pods
BLOCK = ("10.20.0.0/22", "fd20::/112")
MANIFEST = """
apiVersion: cilium.io/v2alpha1
kind: CiliumPodIPPool
metadata: {name: default}
spec: {ipv4: {cidrs: [10.20.0.0/16], maskSize: 22}%s}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data: {enable-ipv6: "%s"}
"""


class Peer:
    """One plugin in a node's namespace of its own; pods are the namespaces NAME-p0 …"""

    def __init__(self, name, pods):
        self.name, self.pods, self.netns = name, pods, f"cni-{name}-n"
        run("ip", "netns", "add", self.netns)
        ip(self.netns, "link set lo up\nlink add eth0 type veth peer name world\nlink set eth0 up\nlink set world up\n"
                       "addr add 192.168.1.1/24 dev eth0\nroute add default via 192.168.1.2\n")
        for n in range(pods):
            run("ip", "netns", "add", f"{name}-p{n}")
        self.config = f"{SCRATCH}/cni-{name}.json"
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(self.network(), file)
        self.path = self.plugin()
        if not os.path.exists(self.path):
            raise BenchError(f"{self.path} is not there")

    def network(self):
        return cni_config(self.name.split("-")[0], self.name.endswith("masq"), f"cni-{self.name}", BLOCK[:1])

    def plugin(self):
        return f"{CNI_DIR}/{self.name.split('-')[0]}"

    def call(self, command, count, parallel=1, first=0):
        env = {"CNI_COMMAND": command, "CNI_CONTAINERID": f"{self.name}-c{{}}", "CNI_IFNAME": "eth0",
               "CNI_NETNS": f"/run/netns/{self.name}-p{{}}", "CNI_PATH": CNI_DIR}
        return spawn([self.path], count, parallel, first, self.config, self.netns, env)

    def check(self):
        """Checks that ADD creates an interface with an address, and DEL removes it."""
        self.call("ADD", 1)
        if "10.20." not in run("ip", "-n", f"{self.name}-p0", "-4", "addr", "show", "eth0"):
            raise BenchError("ADD gave no address")
        self.call("DEL", 1)
        if run("ip", "-n", f"{self.name}-p0", "link", "show", "eth0", fails=True):
            raise BenchError("DEL left the interface")

    def remove(self):
        for n in range(self.pods):
            run("ip", "netns", "del", f"{self.name}-p{n}", fails=True)
        run("ip", "netns", "del", self.netns)


class Floor(Peer):
    """The cost of starting any process."""

    def plugin(self):
        return "/bin/true"

    def network(self):
        return {}

    def check(self):
        pass


class Pinpool(Peer):
    def plugin(self):
        return PINPOOL_CNI

    def network(self):
        self.node = Node(f"cni{self.name}", MANIFEST % ("", "false"), self.netns)
        return {"cniVersion": "1.0.0", "name": "bench", "type": "pinpool-cni", "root": self.node.root}

    def remove(self):
        self.node.pinpool("down", "--all")
        super().remove()


def make_peers(options, report, pods):
    peers = []
    for name in NAMES:
        if not options.wants(f"cni/{name}"):
            continue
        say(f"cni: {name}, {pods} pods")
        try:
            peer = {"true": Floor, "pinpool": Pinpool}.get(name, Peer)(name, pods)
            peer.check()
            peers.append(peer)
        except (BenchError, OSError) as error:
            report.left_out[f"cni {name}"] = str(error)
            say(f"  left out: {error}")
    return peers


def rounds(options, peers, results):
    """Alone and in parallel, A B C, then C B A."""
    count = 5 if options.quick else 20
    for number in range(options.rounds):
        say(f"cni: round {number + 1} of {options.rounds}")
        for peer in peers if number % 2 == 0 else peers[::-1]:
            for command in ("ADD", "DEL"):
                runs, _ = peer.call(command, count)
                results[peer.name][command].append(runs)
            for command in ("ADD", "DEL"):
                runs, wall = peer.call(command, PARALLEL, PARALLEL)
                results[peer.name][f"{command} parallel"].append({"wall": wall, "worst": max(r["ms"] for r in runs)})


def in_a_row(options, peer, result):
    count = 20 if options.quick else IN_A_ROW
    for command in ("ADD", "DEL"):
        runs, wall = peer.call(command, count)
        result[f"{command} row"] = {"count": count, "wall_ms": wall, "ms": [r["ms"] for r in runs]}


def ratio(results, one, other, command):
    """The median of the ratios of the rounds' medians: how many times @other takes as long."""
    if one not in results or other not in results:
        return None
    pairs = zip(results[other][command], results[one][command])
    return median(median(r["ms"] for r in b) / median(r["ms"] for r in a) for b, a in pairs)


def run_part(options, report):
    peers = make_peers(options, report, 20 if options.quick else IN_A_ROW)
    results = {p.name: {k: [] for k in ("ADD", "DEL", "ADD parallel", "DEL parallel")} for p in peers}
    rounds(options, peers, results)
    for peer in peers:
        say(f"cni: {peer.name} in a row")
        in_a_row(options, peer, results[peer.name])
        peer.remove()
    report.parts["cni"] = {"results": results, "table": cni_table(results)}
    for command, wanted in (("ADD", 5), ("DEL", 2)):
        report.target("CNI against ptp with masquerade", command, ratio(results, "pinpool", "ptp-masq", command), wanted,
                      unit="x")


def cni_table(results):
    heads = ["CNI", "ADD p50 / p90 ms", "DEL p50 / p90 ms", "CPU ms", f"{PARALLEL} ADD / DEL in parallel, all",
             "in a row: ADD first / last 20", "DEL", "peak memory"]
    rows = []
    for name, r in results.items():
        add, delete = ([run for runs in r[c] for run in runs] for c in ("ADD", "DEL"))

        def times(runs):
            values = [run["ms"] for run in runs]
            return f"{median(values):.1f} / {percent(values, .9):.1f}"

        def row_times(command):
            values = r[f"{command} row"]["ms"]
            return f"{median(values[:20]):.1f} / {median(values[-20:]):.1f}"

        rows.append([name, times(add), times(delete),
                     " / ".join(f"{median(run['cpu_ms'] for run in runs):.1f}" for runs in (add, delete)),
                     " / ".join(f"{median(p['wall'] for p in r[f'{c} parallel']):.0f}" for c in ("ADD", "DEL")),
                     row_times("ADD"), row_times("DEL"), f"{max(run['rss_kb'] for run in add) / 1024:.1f} MiB"])
    return table("CNI", heads, rows)
