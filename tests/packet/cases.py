# SPDX-License-Identifier: GPL-2.0-only
"""The table of cases: @case registers a function for each combination of its parameters."""
import itertools

from lab import N1
from packets import translated

BOTH = (4, 6)
CASES = []


class Case:
    def __init__(self, name, function, parameters, complete, cached, lab):
        self.name, self.function, self.parameters = name, function, parameters
        self.complete, self.cached, self.lab = complete, cached, lab

    def variants(self):
        """Its variants: with CHECKSUM_COMPLETE or not, with a filled pod cache or not."""
        return itertools.product((False, True)[:1 + self.complete], (False, True)[:1 + self.cached])

    def run(self, lab, complete, cached):
        lab.complete(complete)
        lab.reset(cached)
        self.function(lab, **self.parameters)


def case(name, complete=True, cached=True, lab="usual", **parameters):
    """
    Registers the function below once per combination of @parameters (each a list of values; the
    name is formatted with them). @complete: also with CHECKSUM_COMPLETE. @cached: also with all
    pods in pp_pod_cache, in the usual lab. @lab: "usual", "small" with 16 ports and 64 flows,
    "dense" with 300 ports and without native marks, or "stock" without protocols that have no ports.
    """
    def register(function):
        for values in itertools.product(*parameters.values()):
            chosen = dict(zip(parameters, values))
            CASES.append(Case(name.format(**chosen), function, chosen, complete,
                              cached and lab == "usual", lab))
        return function

    return register


def port_of(frame, family, protocol):
    """The source port or echo id of a frame without options; None where there is none."""
    start = 14 + (20 if family == 4 else 40)
    start += {"tcp": 0, "udp": 0, "sctp": 0, "echo": 4}.get(protocol, 0)
    return int.from_bytes(frame[start:start + 2], "big") if protocol != "gre" else None


def masquerade(lab, packet, family, protocol, uplink="up0", address=N1):
    """Sends a pod's packet by the uplink; returns its masquerade port."""
    result = lab.to_net(packet, uplink)
    port = port_of(result.frame, family, protocol)
    result.leaves(translated(packet, src=address[family], sport=port))
    return port
