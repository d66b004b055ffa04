# SPDX-License-Identifier: GPL-2.0-only
"""Leases of a block of 65,536: in process, as a process, against host-local; nearly empty to nearly full."""
import json
import os
import random

from common import (BUILD, CNI_DIR, PINPOOL, SCRATCH, BenchError, median, percent, run, say, spawn)
from report import table

NAMES = ("transaction", "process", "host-local")
USABLE = 65534
FULL = (99, 50, 1)  # downwards: a block that was full has its free addresses anywhere
MANIFEST = """
apiVersion: cilium.io/v2alpha1
kind: CiliumPodIPPool
metadata: {name: default}
spec: {ipv4: {cidrs: [10.0.0.0/15], maskSize: 16}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data: {ipam-multi-pool-pre-allocation: default=1}
"""


class Node:
    """A pinpool node; in a namespace without interfaces unless one is given."""

    def __init__(self, name, manifest=MANIFEST, netns=None):
        self.root, self.netns = f"/sys/fs/bpf/{name}", netns or f"{name}-n"
        self.options = ["--root", self.root, "--netns", self.netns, "--state", f"{SCRATCH}/{name}.yaml"]
        if not netns:
            run("ip", "netns", "add", self.netns)
        self.apply(manifest, "up", "--node", name)

    def apply(self, manifest, *command):
        path = f"{SCRATCH}/{self.netns}.manifests.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(manifest)
        self.pinpool(*(command or ("apply",)), "-f", path)

    def pinpool(self, *arguments):
        return run(PINPOOL, *self.options, *arguments, timeout=600)

    def down(self):
        self.pinpool("down", "--all")
        run("ip", "netns", "del", self.netns)

    def ipam(self, *arguments):
        """bench_ipam on the pool `default`."""
        return json.loads(run(f"{BUILD}/bench_ipam", self.root, "default", *arguments, timeout=600))

    def process_times(self, count, parallel=1):
        """ms of `pinpool alloc` and `pinpool release`, and alloc's wall time of all."""
        alloc, wall = spawn([PINPOOL, *self.options, "alloc", "--owner", "process-{}"], count, parallel)
        release, _ = spawn([PINPOOL, *self.options, "release", "--owner", "process-{}"], count, parallel)
        return alloc, release, wall


class HostLocal:
    """The plugin that bridge and ptp ask; its store is a file for each address."""

    def __init__(self):
        self.plugin, self.store = f"{CNI_DIR}/host-local", f"{SCRATCH}/host-local"
        if not os.path.exists(self.plugin):
            raise BenchError(f"{self.plugin} is not installed (Debian: containernetworking-plugins)")
        self.config = f"{SCRATCH}/host-local.json"

    def fill(self, part):
        """A network of its own, as after random releases: any @part percent of the addresses in use."""
        folder = f"{self.store}/full-{part}"
        os.makedirs(folder)
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump({"cniVersion": "1.0.0", "name": f"full-{part}", "type": "none", "ipam": {
                "type": "host-local", "dataDir": self.store, "ranges": [[{"subnet": "10.0.0.0/16"}]]}}, file)
        order = list(range(2, USABLE + 1))
        random.Random(1).shuffle(order)
        for n in order[:USABLE * part // 100]:
            with open(f"{folder}/10.0.{n >> 8}.{n & 255}", "w", encoding="utf-8") as file:
                file.write(f"fill-{n}\r\neth0")
        with open(f"{folder}/last_reserved_ip.0", "w", encoding="utf-8") as file:
            file.write("10.0.128.1")

    def times(self, count, parallel=1):
        env = {"CNI_CONTAINERID": "process-{}", "CNI_NETNS": "/none", "CNI_IFNAME": "eth0", "CNI_PATH": CNI_DIR}
        add, wall = spawn([self.plugin], count, parallel, stdin=self.config, env={**env, "CNI_COMMAND": "ADD"})
        delete, _ = spawn([self.plugin], count, parallel, stdin=self.config, env={**env, "CNI_COMMAND": "DEL"})
        return add, delete, wall


def ms(runs):
    return median(r["ms"] for r in runs)


def row(what, part, add, delete, wall, parallel):
    runs = [r["ms"] for r in add]
    return {"what": what, "full": part, "parallel": parallel, "add_ms": median(runs), "add_p90_ms": percent(runs, .9),
            "release_ms": ms(delete), "per_s": len(add) / wall * 1e3, "rss_kb": max(r["rss_kb"] for r in add)}


def transactions(options, node, part, results):
    for procs in (1, 2, 4, 8):
        found = node.ipam("churn", 0.2 if options.quick else 1, procs)
        results.append({"what": "transaction", "full": part, "parallel": procs, "add_ms": found["lease_us"]["p50"] / 1e3,
                        "add_p90_ms": found["lease_us"]["p90"] / 1e3, "release_ms": found["release_us"]["p50"] / 1e3,
                        "per_s": found["pairs_per_s"], "p99_us": found["lease_us"]["p99"]})


def run_part(options, report):
    count = 20 if options.quick else 200
    results, peer = [], None
    node = Node("ipam")
    node.ipam("fill", USABLE)
    left = USABLE
    try:
        peer = HostLocal() if options.wants("ipam/host-local") else None
    except BenchError as error:
        report.left_out["host-local"] = str(error)
    for part in FULL:
        say(f"ipam: {part} % full")
        node.ipam("thin", USABLE, left, USABLE * part // 100)
        left = USABLE * part // 100
        if options.wants("ipam/transaction"):
            transactions(options, node, part, results)
        # 65,536 files are too many for a quick run
        ready = peer and (part == 1 or not options.quick)
        if ready:
            peer.fill(part)
        for parallel in (1, 8):
            # interleaved: a disturbance affects both
            if options.wants("ipam/process"):
                results.append(row("pinpool alloc", part, *node.process_times(count, parallel), parallel))
            if ready:
                results.append(row("host-local", part, *peer.times(count if part == 1 else count // 10, parallel),
                                   parallel))
    node.down()
    report.parts["ipam"] = {"results": results, "table": ipam_table(results)}
    at99 = [r for r in results if (r["what"], r["full"], r["parallel"]) == ("transaction", 99, 1)]
    report.target("lease at 99 % full of 65,536", "p50", at99[0]["add_ms"] * 1e3 if at99 else None, 10,
                  at_least=False, unit=" µs")


def ipam_table(results):
    def time(value):
        return f"{value * 1e3:.2f} µs" if value < 0.1 else f"{value:.2f} ms"

    heads = ["Leases", "full", "parallel", "lease p50 / p90", "release p50", "leases/s", "peak memory"]
    rows = [[r["what"], f"{r['full']} %", r["parallel"], f"{time(r['add_ms'])} / {time(r['add_p90_ms'])}",
             time(r["release_ms"]), f"{r['per_s']:,.0f}", f"{r['rss_kb'] / 1024:.1f} MiB" if "rss_kb" in r else "-"]
            for r in sorted(results, key=lambda r: (r["what"] != "transaction", r["what"], -r["full"], r["parallel"]))]
    return table("IPAM", heads, rows)
