# SPDX-License-Identifier: GPL-2.0-only
"""The labs of scripts/bench: the same pods, nodes and world, wired by each of the compared methods.

    a, b, m: pods of node n1     n1 eth0 192.168.1.1 ---- 192.168.1.2 w, the world
    c: a pod of node n2          n1 eth1 192.168.2.1 ---- 192.168.2.2 n2

m asks the world alone: ports in TIME_WAIT of a's connections to pods are not in its way. All ends of all
labs run in one cgroup, as deep as a pod's. Wires are single veth pairs, so that little but the node's own work is in a result. The world knows the
way to pods, so that unmasqueraded traffic and connections from outside are possible.
"""
import json
import os
import re
import subprocess

from common import (BUILD, CNI_DIR, CPU, PINPOOL, ROOT, SCRATCH, BenchError, client, ip, run, say,
                          sysctl)

PODS = {"n1": ("a", "b", "m"), "n2": ("c",)}
READY = (("a", "b"), ("a", "c"), ("m", "w"))  # who must reach whom before a lab is measured
BLOCK = {"n1": ("10.10.1.0/24", "fd10::100/120"), "n2": ("10.10.2.0/24", "fd10::200/120")}
WORLD = {4: "192.168.1.2", 6: "fd01::2"}
NODE_OUT = {4: "192.168.1.1", 6: "fd01::1"}    # what the world sees of a masqueraded pod
NODE_ACROSS = {4: "192.168.2.1", 6: "fd02::1"}

NFT = """
table inet bench {
	chain out {
		type nat hook postrouting priority srcnat
		ip saddr 10.10.0.0/16 ip daddr != 10.10.0.0/16 masquerade
		ip6 saddr fd10::/64 ip6 daddr != fd10::/64 masquerade
	}
}
"""


class Lab:
    """Namespaces NAME-HOST; the wiring is a subclass's."""

    def __init__(self, name):
        self.name, self.address, self.servers = name, {}, []

    def ns(self, host):
        return f"{self.name}-{host}"

    def host(self, name, forward=False):
        run("ip", "netns", "add", self.ns(name))
        run("ip", "-n", self.ns(name), "link", "set", "lo", "up")
        sysctl(self.ns(name), net__ipv4__ip_forward=int(forward), net__ipv6__conf__all__forwarding=int(forward),
               net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__default__rp_filter=0,
               net__ipv6__conf__default__accept_dad=0, net__ipv6__conf__all__accept_dad=0,
               # the one that every kernel allows in a namespace; one that paces would measure a timer
               net__ipv4__tcp_congestion_control="reno",
               # the peers' best case: Docker and Kubernetes switch these on
               net__bridge__bridge_nf_call_iptables=0, net__bridge__bridge_nf_call_ip6tables=0)

    def wire(self, left, left_if, right, right_if, net):
        run("ip", "link", "add", left_if, "netns", self.ns(left), "type", "veth", "peer", "name", right_if,
            "netns", self.ns(right))
        for end, (host, name) in enumerate(((left, left_if), (right, right_if)), 1):
            ip(self.ns(host), f"link set {name} up\naddr add 192.168.{net}.{end}/24 dev {name}\n"
                              f"addr add fd0{net}::{end}/64 dev {name} nodad\n")

    def serve(self, *hosts):
        for host in hosts:
            self.servers.append(subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.ns(host)}", "--", f"{BUILD}/bench_net", "serve", str(CPU)]))

    def make(self):
        raise NotImplementedError

    def check(self):
        """A sentence about a wrong property of this lab."""
        return None

    def forwarded(self):
        """Packets that the node's stack has forwarded, both families."""
        text = run("cat", "/proc/net/snmp", netns=self.ns("n1"))
        names, values = [line.split() for line in text.splitlines() if line.startswith("Ip:")]
        v6 = re.search(r"Ip6OutForwDatagrams\s+(\d+)", run("cat", "/proc/net/snmp6", netns=self.ns("n1")))
        return int(values[names.index("ForwDatagrams")]) + int(v6.group(1))

    def verdicts(self):
        return {}


class Loopback(Lab):
    def make(self):
        self.host("a")
        self.address = {"a": {4: "127.0.0.1", 6: "::1"}, "b": {4: "127.0.0.1", 6: "::1"}}
        self.serve("a")

    def forwarded(self):
        return 0


class Direct(Lab):
    """Two namespaces and the wire: the limit of what a veth can do."""

    def make(self):
        self.host("a")
        self.host("b")
        self.wire("a", "eth0", "b", "eth0", 1)
        self.address = {"a": NODE_OUT, "b": WORLD}
        self.serve("b")

    def forwarded(self):
        return 0


class Node(Lab):
    """Nodes and world; pods are the subclass's."""

    def make(self):
        for name, forward in (("n1", True), ("n2", True), ("w", False), ("a", False), ("b", False), ("m", False), ("c", False)):
            self.host(name, forward)
        self.wire("n1", "eth0", "w", "eth0", 1)
        self.wire("n1", "eth1", "n2", "eth0", 2)
        ip(self.ns("n1"), "route add default via 192.168.1.2\nroute add default via fd01::2\n")
        ip(self.ns("n2"), "route add default via 192.168.2.1\nroute add default via fd02::1\n")
        ip(self.ns("w"), "route add 10.10.0.0/16 via 192.168.1.1\nroute add fd10::/64 via fd01::1\n")
        self.make_pods()
        self.serve("b", "c", "w")

    def make_pods(self):
        raise NotImplementedError

    def remote_routes(self):
        """The routes that a routing daemon would install on the two nodes; pinpool installs them itself."""
        ip(self.ns("n1"), f"route add {BLOCK['n2'][0]} via 192.168.2.2\nroute add {BLOCK['n2'][1]} via fd02::2\n")
        ip(self.ns("n2"), f"route add {BLOCK['n1'][0]} via 192.168.2.1\nroute add {BLOCK['n1'][1]} via fd02::1\n")


def cni_config(plugin, masquerade, store, block):
    """A network of Debian's plugins with host-local; both families."""
    ranges = [[{"subnet": subnet}] for subnet in block]
    config = {"cniVersion": "1.0.0", "name": f"bench-{store}", "type": plugin, "ipMasq": masquerade, "mtu": 1500,
              "ipam": {"type": "host-local", "dataDir": f"{SCRATCH}/{store}", "ranges": ranges}}
    if plugin == "bridge":
        config |= {"bridge": "cni0", "isDefaultGateway": True}
    else:
        config["ipam"]["routes"] = [{"dst": "0.0.0.0/0" if "." in subnet else "::/0"} for subnet in block]
    return config


def cni_call(plugin, config, netns_node, netns_pod, command="ADD"):
    """One call of a plugin; its result."""
    path = f"{CNI_DIR}/{plugin}"
    if not os.path.exists(path):
        raise BenchError(f"{path} is not installed (Debian: containernetworking-plugins)")
    env = {"PATH": os.environ["PATH"], "CNI_COMMAND": command, "CNI_CONTAINERID": netns_pod, "CNI_IFNAME": "eth0",
           "CNI_NETNS": f"/run/netns/{netns_pod}", "CNI_PATH": CNI_DIR}
    out = run(path, netns=netns_node, input=json.dumps(config), env=env)
    return json.loads(out) if out.strip() else {}


class Cni(Node):
    """Debian's bridge or ptp plugin, with its masquerade or without."""

    def __init__(self, name, plugin, masquerade):
        super().__init__(name)
        self.plugin, self.masquerade = plugin, masquerade

    def make_pods(self):
        for node, pods in PODS.items():
            config = cni_config(self.plugin, self.masquerade, f"{self.name}-{node}", BLOCK[node])
            for pod in pods:
                result = cni_call(self.plugin, config, self.ns(node), self.ns(pod))
                found = [entry["address"].split("/")[0] for entry in result["ips"]]
                self.address[pod] = {6 if ":" in a else 4: a for a in found}
        self.address["w"] = WORLD
        self.remote_routes()
        self.address["w"] = WORLD

    def check(self):
        rules = run("nft", "list", "ruleset", netns=self.ns("n1"), fails=True)
        rules += run("iptables-save", netns=self.ns("n1"), fails=True)
        if ("masquerade" in rules.lower()) != self.masquerade:
            return "masquerade rules are not what they should be"
        return None


class Nft(Cni):
    """Plain routing (ptp's wiring) with masquerade by one nft rule, as an administrator would write it."""

    def __init__(self, name):
        super().__init__(name, "ptp", False)

    def make_pods(self):
        super().make_pods()
        for node in PODS:
            run("nft", "-f", "-", netns=self.ns(node), input=NFT)

    def check(self):
        return None


class Redirect(Node):
    """The limit of the method: pods connected by programs that only call redirect_peer or redirect_neigh.

    A program is a constant way, so pod a has an interface for each of b and c. Nobody answers ARP.
    """

    POD_MAC = "02:00:00:00:00:01"  # of all: nobody looks

    def pod_wire(self, node, pod, interface, address, far):
        """The pod's interface, through which it reaches @far; the node's end is its name and the pod's."""
        run("ip", "link", "add", f"{interface}-{pod}", "netns", self.ns(node), "address", self.POD_MAC, "type", "veth",
            "peer", "name", interface, "address", self.POD_MAC, "netns", self.ns(pod))
        ip(self.ns(node), f"link set dev {interface}-{pod} up\n")
        ip(self.ns(pod), f"link set dev {interface} up\naddr add {address}/32 dev {interface}\n"
                         f"route add {far} dev {interface}\nneigh add {far} lladdr {self.POD_MAC} dev {interface}\n")

    def know(self, host, interface, far, far_host, far_interface):
        """A permanent neighbour: packets from the wire go directly to a pod."""
        mac = json.loads(run("ip", "-n", self.ns(far_host), "-j", "link", "show", "dev", far_interface))[0]["address"]
        ip(self.ns(host), f"neigh replace {far} lladdr {mac} dev {interface}\n")

    def make_pods(self):
        self.address = {"a": {4: "10.10.1.1"}, "b": {4: "10.10.1.2"}, "c": {4: "10.10.2.1"},
                        "m": {4: "10.10.1.3"}, "w": WORLD}
        a, b, c, m, w = (self.address[host][4] for host in "abcmw")
        for node, pod, interface, address, far in (("n1", "a", "b", a, b), ("n1", "a", "c", a, c), ("n1", "m", "w", m, w),
                                                   ("n1", "b", "a", b, a), ("n2", "c", "a", c, a)):
            self.pod_wire(node, pod, interface, address, far)
        for one, other in ((("n1", "eth0", "192.168.1.1"), ("w", "eth0", "192.168.1.2")),
                           (("n1", "eth1", "192.168.2.1"), ("n2", "eth0", "192.168.2.2"))):
            self.know(*one[:2], other[2], *other[:2])
            self.know(*other[:2], one[2], *one[:2])
        for node, ways in (("n1", ("b-a=a-b", "a-b=b-a", "c-a=eth1,192.168.2.2", "eth1=c-a", "w-m=eth0,192.168.1.2", "eth0=w-m")),
                           ("n2", ("a-c=eth0,192.168.2.1", "eth0=a-c"))):
            run("/usr/bin/python3", f"{ROOT}/scripts/bench/redirect.py", *ways, netns=self.ns(node))


MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data: {node-cidr-allocator: static, enable-ipv6: "true", auto-direct-node-routes: "true"%s}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumPodIPPool
metadata: {name: default}
spec:
  ipv4: {cidrs: [10.10.0.0/16], maskSize: 24}
  ipv6: {cidrs: ["fd10::/112"], maskSize: 120}
"""
NODE_MANIFEST = """
---
apiVersion: cilium.io/v2
kind: CiliumNode
metadata: {name: %s}
spec:
  addresses: [{type: InternalIP, ip: %s}, {type: InternalIP, ip: "%s"}]
  ipam: {pools: {allocated: [{pool: default, cidrs: ["%s", "%s"]}]}}
"""


class Pinpool(Node):
    def __init__(self, name, masquerade=True, guard=False):
        super().__init__(name)
        self.masquerade, self.guard = masquerade, guard

    def pinpool(self, node, *arguments, **more):
        return run(PINPOOL, "--root", f"/sys/fs/bpf/{self.ns(node)}", "--netns", self.ns(node),
                   "--state", f"{SCRATCH}/{self.ns(node)}.yaml", *arguments, **more)

    def make_pods(self):
        off = ', enable-ipv4-masquerade: "false", enable-ipv6-masquerade: "false"'
        manifest = MANIFEST % ("" if self.masquerade else off)
        manifest += NODE_MANIFEST % ("n1", "192.168.2.1", "fd02::1", *BLOCK["n1"])
        manifest += NODE_MANIFEST % ("n2", "192.168.2.2", "fd02::2", *BLOCK["n2"])
        path = f"{SCRATCH}/{self.name}.manifests.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(manifest)
        for node, pods in PODS.items():
            devices = "eth0,eth1" if node == "n1" else "eth0"
            self.pinpool(node, "up", "-f", path, "--node", node, "--set", f"devices={devices}", "--set",
                         f"xdp-guard={'native' if self.guard else 'disabled'}")
            for pod in pods:
                found = self.pinpool(node, "attach", self.ns(pod)).split()
                self.address[pod] = {6 if ":" in a else 4: a for a in found}
            # the state of pods after ten minutes, when the timer's gc has moved them
            self.pinpool(node, "gc", "--tcx-after", 0)
        self.address["w"] = WORLD

    def check(self):
        text = run("ip", "-n", self.ns("n1"), "link", "show", "eth0")
        if ("xdp" in text) != self.guard:
            return f"the guard is not {'on' if self.guard else 'off'}"
        return None

    def verdicts(self):
        text = self.pinpool("n1", "metrics")
        found = re.findall(r'^pinpool_(?:packets|drops)_total\{\w+="(\w+)"\} (\d+)', text, re.M)
        return {name: int(value) for name, value in found}


LABS = {
    "loopback": Loopback, "veth": Direct,
    "bridge": lambda name: Cni(name, "bridge", False), "bridge-masq": lambda name: Cni(name, "bridge", True),
    "ptp": lambda name: Cni(name, "ptp", False), "ptp-masq": lambda name: Cni(name, "ptp", True),
    "nft": Nft, "redirect": Redirect,
    "pinpool": Pinpool, "pinpool-nomasq": lambda name: Pinpool(name, masquerade=False),
    "pinpool-guard": lambda name: Pinpool(name, guard=True),
}


def make_labs(names, left_out):
    """The labs that can be created; @left_out gets the reasons of the others."""
    labs = {}
    for name in names:
        say(f"lab {name}")
        lab = LABS[name](name.replace("-", ""))
        try:
            lab.make()
            reason = lab.check()
            if reason:
                raise BenchError(reason)
            labs[name] = lab
        except (BenchError, OSError) as error:
            left_out[name] = str(error)
            say(f"  left out: {error}")
    for lab in labs.values():
        for asks, answers in READY:
            if asks in lab.address and answers in lab.address:
                client_when_ready(lab, asks, lab.address[answers][4])
    return labs


def client_when_ready(lab, host, address):
    for attempt in range(50):
        try:
            return client("who", lab.ns(host), address)
        except BenchError:
            if attempt == 49:
                raise
            run("sleep", "0.1")
    return None
