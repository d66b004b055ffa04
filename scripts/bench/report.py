# SPDX-License-Identifier: GPL-2.0-only
"""The results of scripts/bench: bench.json, and a Markdown table beside the targets."""
import datetime
import itertools
import json
import os
import re

from common import CGROUP, median, run, say
from paths import MEASURES, PATHS, TITLES, ratio

HEADS = {"tcp_rr": "TCP RR", "tcp_crr": "TCP CRR", "udp_rr": "UDP RR", "bulk_1": "TCP Gbit/s", "bulk_8": "8 streams",
         "udp_pps": "UDP packets/s"}

LATENCY_OF = ("tcp_rr", "tcp_crr", "udp_rr")
LATENCY_HEADS = [f"{HEADS[m]} p50 / p99 µs" for m in LATENCY_OF]

# what, path, measure, scenario, reference; the target is a part of what programs reach that only redirect
REACH = (
    ("pod to pod against a direct veth pair", "pod-pod", "tcp_rr", "pinpool", "veth"),
    ("", "pod-pod", "tcp_crr", "pinpool", "veth"),
    ("", "pod-pod", "udp_rr", "pinpool", "veth"),
    ("the same against ptp", "pod-pod", "tcp_rr", "pinpool", "ptp"),
    ("", "pod-pod", "tcp_crr", "pinpool", "ptp"),
    ("the same against bridge", "pod-pod", "tcp_rr", "pinpool", "bridge"),
    ("", "pod-pod", "tcp_crr", "pinpool", "bridge"),
    ("pod to world masqueraded against nft", "world", "tcp_rr", "pinpool", "nft"),
    ("", "world", "tcp_crr", "pinpool", "nft"),
    ("TCP bulk against a direct veth pair", "pod-pod", "bulk_1", "pinpool", "veth"),
    ("across nodes against kernel routing", "nodes", "tcp_rr", "pinpool", "ptp"),
)
OF_REDIRECT = 0.98


PROGRAMS = "above trivial"  # what cost.py measures of each


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(re.search(r"MemTotal:\s+(\d+)", file.read()).group(1))
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "kernel": os.uname().release, "machine": os.uname().machine, "cpus": os.cpu_count(),
            "cpu": model.group(1) if model else "unknown", "memory_gib": round(memory / 2**20, 1),
            "load": os.getloadavg()[0], "cgroup": CGROUP}


class Report:
    """Values by (path, measure, scenario) and round; other parts as reported."""

    def __init__(self, options):
        self.options, self.machine = options, machine()
        self.version = run("git", "describe", "--tags", "--always", "--dirty", fails=True).strip()
        self.values, self.units, self.latency, self.lost = {}, {}, {}, {}
        self.checks, self.broken, self.failures = [], set(), []
        self.left_out, self.parts, self.reach = {}, {}, []

    def add(self, path, measure, scenario, number, unit, result):
        key = path, measure, scenario
        self.values.setdefault(key, {})[number] = result["rate"]
        self.units[measure] = unit
        self.lost[key] = self.lost.get(key, 0) + result["lost"]
        for name, us in result.get("us", {}).items():
            self.latency.setdefault(key, {}).setdefault(name, []).append(us)

    def fail(self, path, scenario, text):
        say(f"  {path} {scenario}: {text}")
        self.failures.append(f"{path}, {scenario}: {text}")
        self.broken.add((path, scenario))

    def ratio(self, path, measure, scenario, reference):
        one, other = (self.values.get((path, measure, s)) for s in (scenario, reference))
        return ratio(one, other) if one and other else None

    def ratio_p50(self, path, measure, scenario, reference):
        """The same of the median time of a transaction, which short disturbances do not move."""
        one, other = (self.latency.get((path, measure, s), {}).get("p50") for s in (scenario, reference))
        return median(other) / median(one) if one and other else None

    def target(self, what, measure, value, wanted, at_least=True, unit="", **traffic):
        """A row of the numbers to reach; @value None: not measured; @traffic: see traffic_targets()."""
        if value is None:
            reached = "not measured"
        else:
            reached = "reached" if (value >= wanted if at_least else value <= wanted) else "not reached"
        self.reach.append({"what": what, "measure": measure, "value": value, "wanted": wanted, "unit": unit,
                           "bound": "at least" if at_least else "at most", "verdict": reached, **traffic})

    def traffic_targets(self):
        """The value is the part of the bare redirect; peer, p50 and limit are ratios to the reference."""
        what = ""
        for name, path, measure, scenario, reference in REACH:
            what = name or what
            self.target(what, HEADS[measure] if measure != "bulk_1" else "TCP bulk",
                        self.ratio(path, measure, scenario, "redirect"), OF_REDIRECT,
                        peer=self.ratio(path, measure, scenario, reference),
                        p50=self.ratio_p50(path, measure, scenario, reference),
                        limit=self.ratio(path, measure, "redirect", reference),
                        missing=[n for n in (scenario, reference, "redirect") if n in self.left_out])

    # --- bench.json -----------------------------------------------------------------------------

    def summary(self):
        return {"version": self.version, "machine": self.machine, "rounds": self.options.rounds,
                "seconds": self.options.seconds, "quick": self.options.quick, "reach": self.reach}

    def write_json(self, path):
        results = [{"path": p, "measure": m, "scenario": s, "unit": self.units[m], "median": median(v.values()),
                    "rounds": list(v.values()), "lost": self.lost[p, m, s],
                    "latency_us": {n: median(us) for n, us in self.latency.get((p, m, s), {}).items()},
                    "ratio": self.ratio(p, m, s, self.reference(p, s)), "reference": self.reference(p, s)}
                   for (p, m, s), v in self.values.items()]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({**self.summary(), "traffic": results, **self.parts, "checks": self.checks,
                       "left_out": self.left_out, "failures": self.failures}, file, indent=1)
            file.write("\n")

    @staticmethod
    def reference(path, scenario):
        return PATHS[path][2] + ("-v6" if scenario.endswith("-v6") else "")

    # --- the table ------------------------------------------------------------------------------

    def markdown(self):
        lines = [headline(self.summary())]
        lines += [f"\n**LEFT OUT: {name}: {reason}**" for name, reason in self.left_out.items()]
        lines += self.reach_table()
        for path in PATHS:
            lines += self.path_table(path)
        for part in self.parts.values():
            lines += part.get("table", [])
        if self.failures:
            lines += ["", "### Failed", "", *[f"- {e}" for e in self.failures]]
        return "\n".join(lines)

    def reach_table(self):
        rows = [[r["what"], r["measure"], against(r), short(r.get("p50")), short(r.get("limit")), of_redirect(r),
                 bound(r), r["verdict"]] for r in self.reach]
        return table("Reach", ["", "measure", "measured", "by median time", "bare redirect", "of it", "wanted", ""], rows)

    def path_table(self, path):
        measures = [m for m in MEASURES if any((path, m) == key[:2] for key in self.values)]
        scenarios = [s for s in PATHS[path][3] if any((path, s) == (key[0], key[2]) for key in self.values)]
        if not measures:
            return []
        heads = [TITLES[path], *[HEADS[m] for m in measures], *LATENCY_HEADS]
        rows = [[s, *[self.cell(path, m, s) for m in measures],
                 *[self.latency_cell(path, m, s) for m in LATENCY_OF]] for s in scenarios]
        note = f"In brackets: against {PATHS[path][2]} (IPv6 rows: its IPv6 row), median of the ratios within rounds."
        return table(TITLES[path], heads, rows) + ["", note]

    def cell(self, path, measure, scenario):
        rounds = self.values.get((path, measure, scenario))
        if not rounds:
            return "-"
        value = median(rounds.values())
        text = f"{value * 8 / 1e9:.2f}" if measure.startswith("bulk") else f"{value / 1e3:.1f}k"
        found = self.ratio(path, measure, scenario, self.reference(path, scenario))
        return text if found is None else f"{text} ({found:.2f})"

    def latency_cell(self, path, measure, scenario):
        us = self.latency.get((path, measure, scenario))
        return f"{median(us['p50']):.2f} / {median(us['p99']):.1f}" if us else "-"


def short(value, unit=""):
    return "-" if value is None else f"{value:.3g}{unit}"


def measured(row):
    return short(row["value"], row["unit"])


def against(row):
    """What a row is about: a ratio to its peer, or a time."""
    if row.get("missing"):
        return f"**{', '.join(row['missing'])} LEFT OUT**"
    return short(row["peer"]) if "peer" in row else measured(row)


def of_redirect(row):
    return measured(row) if "peer" in row else "-"


def bound(row):
    return f"{'≥' if row['bound'] == 'at least' else '≤'} {row['wanted']:g}{row['unit']}"


def headline(found):
    m = found["machine"]
    text = (f"pinpool {found['version']}, {m['date']}, Linux {m['kernel']} {m['machine']}, {m['cpus']} CPUs ({m['cpu']}), "
            f"{m['memory_gib']} GiB; {found['rounds']} rounds of {found['seconds']} s, medians, both ends on one CPU.")
    if found["quick"]:
        text += "\n\n**A quick run: it shows that everything works; its numbers mean nothing.**"
    return text


def readme(path):
    """The short table of a bench.json: a row for all measures of one comparison, one for all programs."""
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    rows = []
    for _, group in itertools.groupby(found["reach"], lambda r: r["what"] if r["measure"] != PROGRAMS else PROGRAMS):
        cells = zip(*((r["what"], r["measure"], against(r), short(r.get("limit")), of_redirect(r), bound(r))
                      for r in group))
        # the names are the same, or "-" is all that there is
        rows.append([" / ".join(dict.fromkeys(c) if n < 2 or set(c) == {"-"} else c) for n, c in enumerate(cells)])
    heads = ("", "measure", "measured", "bare redirect", "of it", "target")
    return "\n".join([headline(found), "", *rows_of(heads, rows)])


def table(title, heads, rows):
    """A section with one Markdown table; nothing for no rows."""
    return ["", f"### {title}", "", *rows_of(heads, rows)] if rows else []


def rows_of(heads, rows):
    return ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads),
            *["| " + " | ".join(str(c) for c in row) + " |" for row in rows]]
