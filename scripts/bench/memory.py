# SPDX-License-Identifier: GPL-2.0-only
"""Memory: the maps as the kernel counts them, empty, per pod and per flow; nothing stays resident."""
import json
import os
import re

from common import PINPOOL, run, spawn
from ipam import Node
from report import table
from scale import POOL

NAMES = ("maps",)
FLOW_MAPS = ("pp_flows", "pp_flow_fwd", "pp_flow_rev", "pp_flow_free")


def map_bytes(node):
    """memlock of /proc/PID/fdinfo by map, as bpftool reads it."""
    folder = f"{node.root}/" + next(d for d in os.listdir(node.root) if d.startswith("v"))
    found = {}
    for name in sorted(os.listdir(folder)):
        if name.startswith("pp_") and os.path.isfile(f"{folder}/{name}"):
            info = json.loads(run("bpftool", "-j", "map", "show", "pinned", f"{folder}/{name}"))
            found[name] = {"bytes": int(info.get("bytes_memlock", 0)), "entries": info["max_entries"]}
    return found


def program_bytes(node):
    folder = f"{node.root}/" + next(d for d in os.listdir(node.root) if d.startswith("v")) + "/prog"
    return sum(int(json.loads(run("bpftool", "-j", "prog", "show", "pinned", f"{folder}/{name}"))["bytes_memlock"])
               for name in os.listdir(folder))


def conntrack_bytes():
    """The size of one entry of the kernel's own connection table."""
    try:
        with open("/proc/slabinfo", encoding="utf-8") as file:
            found = re.search(r"^nf_conntrack\s+\d+\s+\d+\s+(\d+)", file.read(), re.M)
    except OSError:
        return None
    return int(found.group(1)) if found else None


def run_part(options, report):
    count = 20 if options.quick else 200
    node = Node("memory", POOL % ("default", "10.0.0.0/16", 20))
    for n in range(count):
        run("ip", "netns", "add", f"mem-{n}")
    spawn([PINPOOL, *node.options, "attach", "mem-{}"], 1)
    before = map_bytes(node)
    spawn([PINPOOL, *node.options, "attach", "mem-{}"], count - 1, first=1)
    after = map_bytes(node)
    status, _ = spawn([PINPOOL, *node.options, "get", "pods"], 1)
    programs = program_bytes(node)
    for n in range(count):
        run("ip", "netns", "del", f"mem-{n}")
    node.down()
    total = sum(m["bytes"] for m in before.values())
    flows = sum(before[n]["bytes"] for n in FLOW_MAPS if n in before)
    largest = sorted(before.items(), key=lambda item: -item[1]["bytes"])[:8]
    grown = sum(after[n]["bytes"] - before[n]["bytes"] for n in before) / (count - 1)
    figures = {"maps_bytes": total, "programs_bytes": programs, "flow_bytes": flows / before["pp_flows"]["entries"],
               "pod_bytes": grown, "conntrack_bytes": conntrack_bytes(), "get_pods_rss_kb": status[0]["rss_kb"]}
    rows = [["all maps of an empty node", f"{total / 2**20:.1f} MiB"],
            *[[f"of these {name}, {m['entries']:,} entries", f"{m['bytes'] / 2**20:.2f} MiB"] for name, m in largest],
            ["all programs", f"{programs / 2**10:.0f} KiB"],
            ["per pod, in maps, beyond that", f"{grown:.0f} B"],
            ["per flow, of the maps made for it beforehand", f"{figures['flow_bytes']:.0f} B"],
            ["an entry of the kernel's connection table", f"{figures['conntrack_bytes'] or '?'} B"],
            ["processes resident", "none"], [f"peak of `pinpool get pods`, {count} pods",
                                             f"{status[0]['rss_kb'] / 1024:.1f} MiB"]]
    report.parts["memory"] = {"results": {"maps": before, **figures}, "table": table("Memory", ["", ""], rows)}
