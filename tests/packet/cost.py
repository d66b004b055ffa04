#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
"""Cost of each path of the programs, in ns above a trivial program, as JSON on stdout.

usage: tests/packet/cost.py [--first] [--rounds N] [--repeat N] [--flows N] [--blocks N] [--remotes N] [WORD...]

With --first each packet is its flow's first in a tick of the clock (bpf/flow_cache.bpf.h), else it is a
later one. The minimum of many rounds of BPF_PROG_TEST_RUN, pinned to one CPU. A path that ends in a redirect
is compared with a trivial program that does the same. Flows, blocks and remotes fill the tables.
"""
import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

import lab as node
from bpf import buffer_access, PROG_SCHED_CLS, PROG_XDP, Program, Programs, check, lib
from cases import port_of
from lab import A, B, C, D, HOST_MAC, MACS, N1, ROUTER_MAC, UNALLOCATED, W
from packets import Ether, l4, tcp, udp

CONFIG = dict(virtual_clock=0, mark_secret=0x7374616d70, fib_skip_neigh=4, fib_source=[16, 16], port_min=49152,
              port_max=65535, flows=65536, buffer_access=buffer_access())
DATA = b"x" * 40
CALL_REDIRECT_PEER, CALL_REDIRECT_NEIGH = 155, 152


def program(kind, *instructions):
    code = b"".join(
        struct.pack("<BBhi", op, registers, offset, value)
        for op, registers, offset, value in instructions)
    fd = check(lib.bpf_prog_load(kind, b"trivial", b"GPL", code, len(instructions), None),
               "trivial program")
    return Program("trivial", fd, kind)


def trivial_programs(ifindex):
    """One per helper that a path may end in."""
    move, leave = 0xb7, (0x95, 0, 0, 0)
    peer = [(move, 1, 0, ifindex), (move, 2, 0, 0), (0x85, 0, 0, CALL_REDIRECT_PEER), leave]
    neigh = [(move, 1, 0, ifindex), (move, 2, 0, 0), (move, 3, 0, 0), (move, 4, 0, 0),
             (0x85, 0, 0, CALL_REDIRECT_NEIGH), leave]
    return {
        "none": program(PROG_SCHED_CLS, (move, 0, 0, 0),
                        leave), "peer": program(PROG_SCHED_CLS, *peer),
        "neigh": program(PROG_SCHED_CLS, *neigh), "xdp": program(PROG_XDP, (move, 0, 0, 2), leave)
    }


class Bench:
    def __init__(self, lab, options):
        self.lab, self.options = lab, options
        self.helpers = Programs()
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/restore.bpf.o"
            multiarch = subprocess.run(["cc", "-print-multiarch"], capture_output=True,
                                       text=True).stdout.strip()
            subprocess.run([
                os.environ.get("CLANG",
                               "clang"), "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-idirafter",
                f"/usr/include/{multiarch}", "-c", f"{node.HERE}/restore.bpf.c", "-o", path
            ], check=True)
            self.helpers.add(path)
        self.trivial = trivial_programs(lab.ifindex[B.interface])
        self.restore = self.helpers.programs["cost_restore"]
        self.baselines = {}

    def measure(self, target, frame, interface, vary=0, repeat=0, cb=(0, 0)):
        """ns per round: headers written back, then the program."""
        maps = self.helpers.maps
        maps["cost_original"][0] = dict(bytes=frame[:64], vary_at=vary)
        maps["cost_measured"][0] = struct.pack("<I", target.fd)
        best = None
        for _ in range(self.options.rounds):
            _, _ = self.restore.run(frame, self.lab.ifindex[interface], 0, repeat
                                    or self.options.repeat, cb=cb)
            best = min(best or 1 << 30, self.restore.duration)
        return best

    def path(self, name, stat, hook, frame, interface, end="none", **more):
        """One path's cost; @stat: the counter that tells that every round took it."""
        if not all(w in name for w in self.options.words):
            return None
        repeat, before = self.options.repeat, self.lab.counted(stat)
        if hook == "pp_guard":
            cost = min(
                self.time_of(self.lab.bpf.programs[hook], frame, repeat)
                for _ in range(self.options.rounds))
            base = min(
                self.time_of(self.trivial["xdp"], frame, repeat)
                for _ in range(self.options.rounds))
        else:
            base = self.measure(self.trivial[end], frame, interface)
            cost = self.measure(self.lab.bpf.programs[hook], frame, interface, **more)
        taken = self.lab.counted(stat) - before
        if taken != self.options.rounds * more.get("repeat", repeat):
            sys.exit(f"{name}: only {taken} rounds took this path")
        return {
            "path": name, "program": hook, "ns": cost - base, "total_ns": cost, "trivial_ns": base,
            "end": end
        }

    @staticmethod
    def time_of(one, frame, repeat):
        one.run(frame, 0, 0, repeat)
        return one.duration


def exact_ranges(lab):
    """pp_ranges as the loader makes it of a few blocks; the lab's own is the worst it makes of many."""
    lab.ranges = {4: [], 6: []}
    for address, length, _, _ in node.BLOCKS.values():
        lab.put_range(address, length)


def fill(lab, options):
    """Tables as large as asked for."""
    if options.blocks == 1:
        exact_ranges(lab)
    for number in range(1, options.blocks):
        base = f"10.40.{number // 8}.{number % 8 * 32}"
        lab.put_cidr(base, 27, kind="CIDR_LOCAL", pool=1, block=1000 + number)
        lab.put(
            "pp_blocks", 1000 + number,
            dict(pool=1, family="FAMILY_IPV4", state="BLOCK_ACTIVE", size=32, low=1, high=31,
                 prefix=dict(addr=base, length=123)))
    for number in range(options.remotes):
        base = f"10.{64 + number // 2048}.{number // 8 % 256}.{number % 8 * 32}"
        lab.put_cidr(base, 27, kind="CIDR_REMOTE", pool=1, next_hop=node.N2[4])
        lab.put_nomasq(base, 27, "NOMASQ_POD")
    for number in range(options.flows):
        lab.to_net(
            udp(A.ip[4], f"198.18.{number // 200 % 256}.{number % 200 + 1}", 1024 + number // 51200,
                53))


def frame(packet, src, dst):
    return bytes(Ether(src=src, dst=dst) / packet)


def leaving(packet):
    return frame(packet, MACS["up0"], ROUTER_MAC)


def coming(packet):
    return frame(packet, ROUTER_MAC, MACS["up0"])


def paths(bench):
    for family in (4, 6):
        yield from pod_paths(bench, family)
        yield from masquerade_paths(bench, family)
        yield from uplink_paths(bench, family)


def pod_paths(bench, f):
    def sent(target):
        return frame(tcp(A.ip[f], target[f], 1, 2, "A", DATA), A.mac, HOST_MAC)

    hook, at = "pp_from_pod", A.interface
    yield bench.path(f"pod to local pod, IPv{f}", "pod_local", hook, sent(B.ip), at, "peer")
    yield bench.path(f"pod to other node, IPv{f}", "pod_routed", hook, sent(C), at, "neigh")
    yield bench.path(f"pod to the world, IPv{f}", "pod_routed", hook, sent(W), at, "neigh")
    yield bench.path(f"pod to the node, IPv{f}", "pod_stack", hook, sent(N1), at)


def masquerade_paths(bench, f):
    """With the port kept and with the port changed."""
    for kind, sport in (("tcp", 50000), ("tcp", 1000), ("udp", 50000), ("udp", 1000), ("echo",
                                                                                       50000)):
        flags = {"flags": "A"} if kind == "tcp" else {}
        packet = l4(kind, A.ip[f], W[f], sport, 80, data=DATA, **flags)
        result = bench.lab.to_net(packet)
        port = port_of(result.frame, f, kind)
        answer = l4(kind, W[f], N1[f], 80 if kind != "echo" else 0, port, answer=True, data=DATA,
                    **flags)
        name = f"{kind}, port {'kept' if port == sport else 'changed'}, IPv{f}"
        yield bench.path(f"masquerade {name}", "out_masqueraded", "pp_to_net", leaving(packet),
                         "up0")
        yield bench.path(f"masquerade undone {name}", "in_reply", "pp_from_net", coming(answer),
                         "up0", "peer")
    native = leaving(udp(A.ip[f], C[f], 1, 2, DATA))
    yield bench.path(f"masquerade not needed, IPv{f}", "out_native", "pp_to_net", native, "up0")
    yield bench.path(f"masquerade not needed, native mark, IPv{f}", "out_native", "pp_to_net", native, "up0",
                     cb=native_mark(bench.lab, udp(A.ip[f], C[f], 1, 2, DATA)))
    new = leaving(udp(D.ip[f], W[f], 1, 2, DATA))
    yield bench.path(f"masquerade new flow, IPv{f}", "out_masqueraded", "pp_to_net", new, "up0",
                     vary=34 if f == 4 else 54, repeat=new_flows(bench.options))


def native_mark(lab, packet):
    """Its native mark, once its flow is cached."""
    for _ in range(1000):
        found = lab.from_pod(A, packet).cb
        if found != (0, 0):
            return found
        lab.to_net(packet)
    sys.exit("no packet gets a native mark")


def new_flows(options):
    """How many a round, so that both families' find room in the table."""
    return min(300, (CONFIG["flows"] - options.flows - 500) // (2 * options.rounds))


def uplink_paths(bench, f):
    own, hook = leaving(udp(N1[f], W[f], 1, 2, DATA)), "pp_from_net"
    yield bench.path(f"uplink out, the node's own, IPv{f}", "out_other", "pp_to_net", own, "up0")
    for name, port in (("the node's port", 40000), ("a port of the range", 60000)):
        packet = coming(tcp(W[f], N1[f], 80, port, "A", DATA))
        yield bench.path(f"uplink miss, {name}, IPv{f}", "in_other", hook, packet, "up0")
    to_pod = coming(tcp(C[f], B.ip[f], 1, 2, "A", DATA))
    nobody = coming(udp(W[f], UNALLOCATED[f], 1, 2, DATA))
    yield bench.path(f"uplink to a pod, IPv{f}", "in_pod", hook, to_pod, "up0", "peer")
    yield bench.path(f"uplink drop, unallocated, IPv{f}", "unallocated", hook, nobody, "up0")
    node_port = coming(tcp(W[f], N1[f], 80, 1, "A", DATA))
    yield bench.path(f"guard pass, IPv{f}", "guard_pass", "pp_guard", node_port, "up0")
    yield bench.path(f"guard pass to a pod, IPv{f}", "guard_pass", "pp_guard", to_pod, "up0")
    yield bench.path(f"guard drop, IPv{f}", "unallocated", "pp_guard", nobody, "up0")


def main():
    parser = argparse.ArgumentParser(description="cost of each path")
    for name, value in (("rounds", 25), ("repeat", 20000), ("flows", 0), ("blocks", 1), ("remotes",
                                                                                         1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--first", action="store_true")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    node.enter_namespace()
    node.stay_on_cpu()
    node.make_links()
    # with the tests' clock the mark that cost_restore sets is the tick
    lab = node.Lab({"cfg": dict(CONFIG, virtual_clock=options.first)}, {})
    lab.reset(cached=True)
    check(lab.bpf.programs["pp_flows_arm"].call(), "timer")  # else new flows do its work
    fill(lab, options)
    bench = Bench(lab, options)
    result = {
        "kernel": os.uname().release, "flows": options.flows, "blocks": options.blocks,
        "remotes": options.remotes, "first": options.first, "verified_instructions": {
            p.name: p.verified_instructions()
            for p in lab.bpf.programs.values()
        }, "paths": [p for p in paths(bench) if p]
    }
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    sys.exit(main())
