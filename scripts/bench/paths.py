# SPDX-License-Identifier: GPL-2.0-only
"""Traffic: every path by every method, in rounds that go A B C, then C B A.

All that one table compares runs within seconds of each other; the ratio is taken within a round and
only then the median, because a shared machine drifts by tens of percent and ratios by a few.
"""
from common import BenchError, client, median, say
from lab import NODE_ACROSS, NODE_OUT, WORLD

# scenario: lab, family. An IPv6 row is compared with the IPv6 row of its peer.
SCENARIOS = {name: (name, 4) for name in (
    "loopback", "veth", "redirect", "bridge", "bridge-masq", "ptp", "ptp-masq", "nft", "pinpool", "pinpool-nomasq",
    "pinpool-guard")} | {f"{name}-v6": (name, 6) for name in ("veth", "ptp", "nft", "pinpool")}

# path: client, server, the reference of the ratios, the rows
PATHS = {
    "pod-pod": ("a", "b", "veth", ("loopback", "veth", "redirect", "bridge", "bridge-masq", "ptp", "ptp-masq", "nft", "pinpool",
                                   "pinpool-nomasq", "veth-v6", "ptp-v6", "pinpool-v6")),
    "nodes": ("a", "c", "ptp", ("redirect", "bridge", "ptp", "ptp-masq", "nft", "pinpool", "pinpool-nomasq", "pinpool-guard",
                                "ptp-v6", "pinpool-v6")),
    "world": ("m", "w", "nft", ("redirect", "bridge", "bridge-masq", "ptp", "ptp-masq", "nft", "pinpool", "pinpool-nomasq",
                                "pinpool-guard", "ptp-v6", "nft-v6", "pinpool-v6")),
    "inbound": ("w", "b", "ptp", ("bridge", "bridge-masq", "ptp", "ptp-masq", "nft", "pinpool", "pinpool-guard",
                                  "ptp-v6", "pinpool-v6")),
}
TITLES = {"pod-pod": "Pod to pod, one node", "nodes": "Pod to pod across nodes", "world": "Pod to the world",
          "inbound": "World to pod"}

# measure: mode of bench_net, streams, unit
MEASURES = {
    "tcp_rr": ("rr", 1, "/s"), "tcp_crr": ("crr", 1, "/s"), "udp_rr": ("udp", 1, "/s"),
    "bulk_1": ("bulk", 1, "B/s"), "bulk_8": ("bulk", 8, "B/s"), "udp_pps": ("pps", 1, "/s"),
}

# the counters that each transaction must raise: (request, answer)
VERDICTS = {
    ("pod-pod", True): ("pod_local",), ("pod-pod", False): ("pod_local",),
    ("nodes", True): ("pod_routed", "in_pod"), ("nodes", False): ("pod_routed", "in_pod"),
    ("world", True): ("out_masqueraded", "in_reply"), ("world", False): ("out_native", "in_pod"),
    ("inbound", True): ("in_pod", "out_inbound"), ("inbound", False): ("in_pod", "out_native"),
}


def masquerades(scenario):
    return "masq" in scenario.replace("nomasq", "") or scenario.startswith(("nft", "pinpool")) and "no" not in scenario


def expected_source(path, scenario, lab, family):
    """The address that the server must see."""
    if path == "inbound":
        return WORLD[family]
    if path == "world" and masquerades(scenario):
        return NODE_OUT[family]
    # Debian's plugins masquerade packets to all addresses outside of the node's own range
    if path == "nodes" and scenario in ("ptp-masq", "bridge-masq"):
        return NODE_ACROSS[family]
    return lab.address[PATHS[path][0]][family]


class Traffic:
    def __init__(self, labs, options, report):
        self.labs, self.options, self.report = labs, options, report

    def rows(self, path, measure):
        """The selected scenarios that can run and have passed their check."""
        return [s for s in PATHS[path][3] if SCENARIOS[s][0] in self.labs
                and self.options.wants(f"{path}/{measure}/{s}") and (path, s) not in self.report.broken]

    def ends(self, path, scenario):
        name, family = SCENARIOS[scenario]
        asks, answers = PATHS[path][:2]
        lab = self.labs[name]
        return lab, lab.ns(asks), lab.address[answers][family], family

    def verify(self, path, scenario):
        """Checks that the scenario matches its name; observations go into the report."""
        lab, netns, address, family = self.ends(path, scenario)
        seen = client("who", netns, address)
        wanted = expected_source(path, scenario, lab, family)
        if seen != wanted:
            raise BenchError(f"the other end sees {seen}, not {wanted}")
        forwards, verdicts = lab.forwarded(), lab.verdicts()
        count = client("rr", netns, address, 0.1)["count"] * 1.1  # its warm-up included
        forwards = (lab.forwarded() - forwards) / count
        moved = {k: v - verdicts.get(k, 0) for k, v in lab.verdicts().items() if v > verdicts.get(k, 0)}
        seen = {"path": path, "scenario": scenario, "source": seen, "kernel_forwards": round(forwards, 3),
                "verdicts": moved}
        self.report.checks.append(seen)
        if scenario.startswith("pinpool"):
            self.verify_verdicts(path, scenario, moved, count, forwards)
        elif scenario == "redirect" and forwards > 0.05:
            raise BenchError(f"the stack forwarded {forwards:.2f} packets a transaction")
        elif lab.name.startswith(("ptp", "nft")) and forwards < 1.5:
            raise BenchError(f"the kernel forwarded only {forwards:.2f} packets a transaction")

    @staticmethod
    def verify_verdicts(path, scenario, moved, count, forwards):
        for verdict in VERDICTS[path, masquerades(scenario)]:
            if moved.get(verdict, 0) < count * 0.8:
                raise BenchError(f"{verdict} counted {moved.get(verdict, 0)} packets of {count:.0f}: {moved}")
        if "guard" in scenario and moved.get("guard_pass", 0) < count * 0.8:
            raise BenchError(f"the guard has seen {moved.get('guard_pass', 0)} packets of {count:.0f}")
        if forwards > 0.05:
            raise BenchError(f"the stack, not pinpool, forwarded {forwards:.2f} packets a transaction")

    def verify_all(self, path):
        for scenario in {s: 0 for m in MEASURES for s in self.rows(path, m)}:
            try:
                self.verify(path, scenario)
            except BenchError as error:
                self.report.fail(path, scenario, f"is not what it should be: {error}")

    def once(self, path, measure, scenario):
        _, netns, address, _ = self.ends(path, scenario)
        mode, streams, _ = MEASURES[measure]
        return client(mode, netns, address, self.options.seconds, streams)

    def measure(self, path, measure):
        rows = self.rows(path, measure)
        for number in range(self.options.rounds):
            say(f"{path} {measure}: round {number + 1} of {self.options.rounds}, {len(rows)} ways")
            for scenario in rows if number % 2 == 0 else rows[::-1]:
                try:
                    result = self.once(path, measure, scenario)
                except BenchError as error:
                    self.report.fail(path, scenario, f"{measure}: {error}")
                    continue
                self.report.add(path, measure, scenario, number, MEASURES[measure][2], result)

    def run(self):
        for path in PATHS:
            self.verify_all(path)
            for measure in MEASURES:
                if self.rows(path, measure):
                    self.measure(path, measure)


def ratio(rounds, reference):
    """The median of the ratios within rounds; None where there is none."""
    both = [rounds[n] / reference[n] for n in rounds if n in reference and reference[n]]
    return median(both) if both else None
