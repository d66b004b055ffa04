# SPDX-License-Identifier: GPL-2.0-only
"""Growth with pods, leases, pools, blocks, nodes and flows; plots as SVG."""
import ctypes
import os
import re
import time

from common import BUILD, PINPOOL, SCRATCH, BenchError, ip, median, run, say, spawn
from cost import measure
from ipam import Node, ms
from report import table

CLONE_NEWNET, MS_BIND, MNT_DETACH = 0x40000000, 4096, 2
MANY = 5000  # pods of the targets
LAST = 50    # runs whose median is a point
NAMES = ("pods", "leases", "pools", "blocks", "nodes", "cluster", "programs")
POOL = """
apiVersion: cilium.io/v2alpha1
kind: CiliumPodIPPool
metadata: {name: %s}
spec: {ipv4: {cidrs: [%s], maskSize: %d}}
---
"""
CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data: {%s}
---
"""
CILIUM_NODE = """
apiVersion: cilium.io/v2
kind: CiliumNode
metadata: {name: node%d}
spec:
  addresses: [{type: InternalIP, ip: 172.20.%d.%d}]
  ipam: {pools: {allocated: [{pool: default, cidrs: [10.%d.%d.%d/27]}]}}
---
"""
# path of cost.py: label; of the first packet of a tick, which looks at all tables
PROGRAMS = {r"^pod to local pod": "local delivery", r"^pod to other node": "to another node",
            r"^masquerade tcp": "masquerade",
            r"^masquerade undone tcp": "masquerade undone", r"^uplink to a pod": "uplink to a pod", r"^uplink miss, the node's": "uplink miss"}


def steps(options, most):
    """10, 100, 1,000 … and the largest."""
    if options.quick:
        return [10, 100]
    return [n for n in (10, 100, 1000, 10000) if n < most] + [most]


def make_netns(first, count):
    """Namespaces sp-FIRST…, without a process for each."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    for n in range(first, first + count):
        path = f"/run/netns/sp-{n}"
        with open(path, "w", encoding="utf-8"):
            pass
        made = (libc.unshare(CLONE_NEWNET), libc.mount(b"/proc/self/ns/net", path.encode(), b"none", MS_BIND, None),
                libc.setns(home, CLONE_NEWNET))
        if any(made):
            raise BenchError(f"{path}: {os.strerror(ctypes.get_errno())}")
    os.close(home)


def remove_netns(count):
    libc = ctypes.CDLL(None)
    for n in range(count):
        libc.umount2(f"/run/netns/sp-{n}".encode(), MNT_DETACH)
        os.unlink(f"/run/netns/sp-{n}")


def pods_of(family, sizes, series):
    """Attaches up to each size, and what commands take there; then detaches down again."""
    manifest = POOL % ("default", "10.0.0.0/16", 20)
    if family == "dual":
        manifest = manifest.replace("maskSize: 20}}", 'maskSize: 20}, ipv6: {cidrs: ["fd00:1::/100"], maskSize: 116}}')
        manifest += CONFIG % 'enable-ipv6: "true"'
    node = Node(f"pods{family}", manifest, lan(f"pods{family}"))
    commands = {"status": ["status"], "gc": ["gc"], "check": ["check"], "up": ["up"],
                "apply": ["apply", "-f", f"{SCRATCH}/{node.netns}.manifests.yaml"]}

    def step(command, before, size):
        runs, wall = spawn([PINPOOL, *node.options, command, "sp-{}"], abs(size - before), first=min(size, before))
        series.setdefault(f"{command}, {family}", []).append([max(size, before), ms(runs[-LAST:])])
        series.setdefault(f"{command} CPU, {family}", []).append(
            [max(size, before), median(r["cpu_ms"] for r in runs[-LAST:])])
        return wall
    wall = {"attach": 0, "detach": 0}
    for before, size in zip((0, *sizes), sizes):
        say(f"scale: {size} pods, {family}")
        make_netns(before, size - before)
        took = step("attach", before, size)
        wall["attach"] += took if size <= MANY else 0
        for name, command in commands.items():
            series.setdefault(f"{name}, {family}", []).append(
                [size, ms(spawn([PINPOOL, *node.options, *command], 3)[0])])
    for before, size in zip(sizes[::-1], (*sizes[-2::-1], 0)):
        took = step("detach", before, size)
        wall["detach"] += took if before <= MANY else 0
    remove_netns(sizes[-1])
    node.down()
    return wall


def scale_pods(options):
    sizes = (1, 10, 60) if options.quick else (1, 10, 100, 1000, 2000, MANY, 10000)
    series, walls = {}, {}
    for family in ("IPv4", "dual"):
        walls[family] = pods_of(family, sizes, series)
    return {"x": "pods", "y": "ms", "series": series, "wall_ms": walls}


def pod_targets(found, report):
    """The numbers to reach with many pods; a quick run has none."""
    at = {label: dict(map(tuple, points)) for label, points in found["series"].items()}
    for family, wall in found["wall_ms"].items():
        what = f"{MANY:,} pods, {family}"
        for name, most in {"attach": 5, "status": 60, "gc": 40, "apply": 60, "check": 300, "up": 300}.items():
            report.target(what, name, at[f"{name}, {family}"].get(MANY), most, at_least=False, unit=" ms")
        attach = at[f"attach, {family}"]
        # the very first one starts with cold caches
        report.target(what, "attach against the first 10", attach[MANY] / attach[10] if MANY in attach else None, 2,
                      at_least=False, unit="x")
        for name, most in {"attach": 20, "detach": 100}.items():
            report.target(what, f"all: {name}", wall[name] / 1e3 if MANY in attach else None, most, at_least=False, unit=" s")


def scale_leases(options):
    node = Node("scaleleases")
    found = node.ipam("fill", 1000 if options.quick else 65534)
    node.down()
    return {"x": "leases of one block", "y": "µs", "series": {"lease, in process": found["series"]}}


def alloc_ms(node):
    node.process_times(1)
    alloc, release, _ = node.process_times(20)
    return ms(alloc), ms(release)


def timed(call, *arguments):
    began = time.monotonic()
    call(*arguments)
    return (time.monotonic() - began) * 1e3


def grow(options, most, label, manifest_of, prepare=None):
    """Time of up with @count objects, of the same apply again, and of alloc on that node."""
    series = {"up": [], "the same apply again": [], "alloc": [], "release": []}
    for count in steps(options, most):
        say(f"scale: {count} {label}")
        name = f"scale{label}{count}"
        netns = prepare(name) if prepare else None
        manifest = manifest_of(count)
        began = time.monotonic()
        node = Node(name, manifest, netns)
        series["up"].append([count, (time.monotonic() - began) * 1e3])
        series["the same apply again"].append([count, timed(node.apply, manifest)])
        alloc, release = alloc_ms(node)
        series["alloc"].append([count, alloc])
        series["release"].append([count, release])
        node.down()
    return {"x": label, "y": "ms", "series": series}


def scale_pools(options):
    def manifest(count):
        return POOL % ("default", "172.16.0.0/16", 24) + "".join(
            POOL % (f"pool{n}", f"10.{n // 256}.{n % 256}.0/24", 28) for n in range(count))
    return grow(options, 4095, "pools", manifest)  # and the default one: as many as there can be


def scale_blocks(options):
    def manifest(count):
        # the first lease doubles what is allocated beforehand; two addresses of a /30 are usable
        return POOL % ("default", "10.0.0.0/14", 30) + CONFIG % f"ipam-multi-pool-pre-allocation: default={count}"
    return grow(options, 5000, "blocks", manifest)


def lan(name):
    """A namespace on the network of the nodes."""
    netns = f"{name}-n"
    run("ip", "netns", "add", netns)
    ip(netns, "link add eth0 type veth peer name switch\nlink set eth0 up\nlink set switch up\n"
              "addr add 172.20.255.1/16 dev eth0\nroute add default via 172.20.255.2\n")
    return netns


def scale_nodes(options):
    def manifest(count):
        return (POOL % ("default", "10.0.0.0/8", 27) + CONFIG % 'auto-direct-node-routes: "true"' + "".join(
            CILIUM_NODE % (n, n >> 8, n & 255, n >> 11, n >> 3 & 255, (n & 7) * 32) for n in range(count)))
    return grow(options, 5000, "nodes", manifest, lan)


def other_nodes(first, count, hop=0):
    """CiliumNodes with four blocks each; @hop tells two versions of them apart."""
    nodes = []
    for n in range(first, first + count):
        cidrs = ", ".join(f"10.{n >> 9}.{n >> 1 & 255}.{(n & 1) * 128 + 32 * i}/27" for i in range(4))
        nodes.append("apiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {name: other%d}\nspec:\n"
                     "  addresses: [{type: InternalIP, ip: 172.20.%d.%d}]\n"
                     "  ipam: {pools: {allocated: [{pool: default, cidrs: [%s]}]}}\n---\n"
                     % (n, (n >> 8) + 64 * hop, n & 255, cidrs))
    return "".join(nodes)


def cluster_times(node, name, count):
    """ms of what happens on a node with @count others: its own blocks, another's CiliumNode, two looks."""
    commands = {"status": ["status"], "get nodes": ["get", "nodes"], "apply one CiliumNode": ["apply", "-f", f"{SCRATCH}/{name}-{{}}"]}
    for n in range(20):
        with open(f"{SCRATCH}/{name}-{n}", "w", encoding="utf-8") as file:
            file.write(other_nodes(count, 1, n & 1))
    # each address is a block of its own
    alloc, release = alloc_ms(node)
    found = {"alloc, a new block": alloc, "release, a block given back": release}
    for label, command in commands.items():
        found[label] = ms(spawn([PINPOOL, *node.options, *command], 20)[0])
    return found


def scale_cluster(options):
    series = {}
    for direct in ("false", "true"):
        for count in [0, 10, 100] if options.quick else [0, 10, 100, 1000, 5000]:
            say(f"scale: {count} other nodes, auto-direct-node-routes {direct}")
            name = f"cluster{direct}{count}"
            manifest = POOL % ("default", "10.0.0.0/8", 32) + other_nodes(0, count) + CONFIG % (
                f'auto-direct-node-routes: "{direct}", ipam-multi-pool-pre-allocation: default=1')
            node = Node(name, manifest, lan(name))
            for label, value in cluster_times(node, name, count).items():
                series.setdefault(label + (", direct routes" if direct == "true" else ""), []).append([count + 1, value])
            node.down()
    return {"x": "nodes, this one and others with four blocks each", "y": "ms", "series": series}


def scale_programs(options):
    series = {}
    sizes = [10, 1000] if options.quick else [10, 100, 1000, 10000, 60000]
    for size in sizes:
        say(f"scale: programs with tables of {size}")
        result = measure(options, size, min(size, 1000), min(size, 10000), True, ["IPv4"])
        for path in result["paths"]:
            for pattern, label in PROGRAMS.items():
                if re.search(pattern, path["path"]) and "kept" not in path["path"]:
                    series.setdefault(label, []).append([size, path["ns"]])
    return {"x": "flows (and as many blocks, at most 1,000, and remote CIDRs, at most 10,000)",
            "y": "ns above a trivial program", "series": series}


def plot(name, found):
    """build/bench/NAME.svg by gnuplot; its data beside it."""
    base, parts = f"{BUILD}/bench/{name}", []
    for number, (label, points) in enumerate(found["series"].items()):
        data = f"{base}-{number}.dat"
        with open(data, "w", encoding="utf-8") as file:
            file.writelines(f"{x} {y}\n" for x, y in points)
        parts.append(f"'{data}' using 1:2 with linespoints pointtype 7 pointsize 0.4 title '{label}'")
    logarithmic = "set logscale x\n" if name != "leases" else ""
    highest = max(y for points in found["series"].values() for _, y in points)
    lowest = min(y for points in found["series"].values() for _, y in points)
    scale = "set logscale y\n" if lowest > 0 and highest / lowest > 30 else "set yrange [0:*]\n"
    run("gnuplot", input=f"set terminal svg size 800,450 dynamic background 'white'\nset output '{base}.svg'\n"
        f"{logarithmic}{scale}set grid\nset key outside below\nset xlabel '{found['x']}'\n"
        f"set ylabel '{found['y']}'\nplot {', '.join(parts)}\n")
    return f"{base}.svg"


def run_part(options, report):
    results = {}
    for name in NAMES:
        if not options.wants(f"scale/{name}"):
            continue
        say(f"scale: {name}")
        try:
            results[name] = globals()[f"scale_{name}"](options)
            results[name]["plot"] = plot(name, results[name])
            if name == "pods":
                pod_targets(results[name], report)
        except (BenchError, OSError) as error:
            report.fail("scale", name, str(error))
    rows = [[label, f"{points[0][1]:.2f} at {points[0][0]:,}", f"{points[-1][1]:.2f} at {points[-1][0]:,}", found["y"],
             found["x"]] for found in results.values() for label, points in found["series"].items() if points]
    report.parts["scale"] = {"results": results, "table": table("Scale", ["", "smallest", "largest", "", "of"], rows) +
                             ["", f"Plots: {BUILD}/bench/*.svg"]}
