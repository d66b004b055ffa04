# SPDX-License-Identifier: GPL-2.0-only
"""Cost of each path of the programs above a trivial program, with small and with full tables."""
import json
import os
import re

from common import ROOT, BenchError, run, say
from report import PROGRAMS, table

COST = f"{ROOT}/tests/packet/cost.py"
# name: flows, blocks, remote CIDRs, whether each packet is its flow's first in a tick of the clock
SIZES = {"small": (10, 1, 1, False), "first": (10, 1, 1, True), "flows": (60000, 1, 1, True),
         "blocks": (10, 64, 1, True), "remotes": (10, 1, 4000, True)}
HEADS = {"small": "10 flows, 1 block, 1 remote", "first": "the first packet of a tick",
         "flows": "the same, 60,000 flows", "blocks": "the same, 64 blocks", "remotes": "the same, 4,000 remotes"}
NAMES = tuple(SIZES)
# paths of cost.py (the most expensive match), their titles, the limit
TARGETS = ((r"^pod to local pod, IPv4", "local delivery", 60), (r"^masquerade tcp.*IPv4", "established masquerade", 42),
           (r"^masquerade new flow, IPv4", "new masqueraded flow", 900),
           (r"^masquerade new flow, IPv6", "the same, IPv6", 1200),
           (r"^uplink miss, the node's.*IPv4", "uplink miss", 45), (r"^guard pass.*IPv4", "guard", 20))


def measure(options, flows, blocks, remotes, first=False, words=()):
    """cost.py's result for tables of these sizes."""
    if not os.path.exists(COST):
        raise BenchError(f"{COST} is not there")
    rounds, repeat = (5, 5000) if options.quick else (25, 20000)
    out = run("/usr/bin/python3", "-B", COST, "--rounds", rounds, "--repeat", repeat, "--flows", flows, "--blocks",
              blocks, "--remotes", remotes, *(["--first"] if first else []), *words, timeout=900)
    return json.loads(out)


def run_part(options, report):
    results = {}
    for name, sizes in SIZES.items():
        if options.wants(f"cost/{name}"):
            say(f"cost: {HEADS[name]}")
            results[name] = measure(options, *sizes)
    if not results:
        return
    costs = {}
    for name, result in results.items():
        for path in result["paths"]:
            costs.setdefault((path["path"], path["program"]), {})[name] = path["ns"]
    heads = ["ns above a trivial program", "program", *[HEADS[n] for n in results]]
    rows = [[path, program, *[ns.get(n, "-") for n in results]] for (path, program), ns in costs.items()]
    some = next(iter(results.values()))
    instructions = ", ".join(f"{n} {c:,}" for n, c in some.get("verified_instructions", {}).items())
    report.parts["cost"] = {"results": results, "table": table("Cost of the programs", heads, rows) +
                            ["", f"Instructions that the verifier looks at: {instructions}."]}
    for pattern, what, wanted in TARGETS:
        found = [p["ns"] for p in results.get("small", {}).get("paths", []) if re.search(pattern, p["path"])]
        report.target(what, PROGRAMS, max(found) if found else None, wanted, at_least=False, unit=" ns")
