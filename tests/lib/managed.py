# SPDX-License-Identifier: GPL-2.0-only
"""A managed node for tests before the API server of scripts/kube/lab: its agent, a proxy that fails on command."""
import glob
import json
import os
import signal
import subprocess

from kube import Api, ApiError, wait

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
LAB = os.path.join(ROOT, "scripts/kube/lab")
PINPOOL = os.path.join(ROOT, "build/pinpool")
PROXY = os.path.join(ROOT, "tests/lib/faulty-proxy")
CONFIGS = "/apis/cilium.io/v2/namespaces/kube-system/ciliumnodeconfigs"
MAPS = "/api/v1/namespaces/kube-system/configmaps"
NODE, LOG, CONFLIST = "w1", "/mnt/agent.log", "/mnt/10-pinpool.conflist"
OPTIONS = {"ipam": "multi-pool", "routing-mode": "native", "auto-direct-node-routes": "true", "devices": "eth0",
           "ipv4-native-routing-cidr": "10.0.0.0/8", "kube-proxy-replacement": "true"}


def pinpool(*words, check=True):
    done = subprocess.run([PINPOOL, *words], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"pinpool {' '.join(words)}: {done.stderr}")
    return done.stdout + done.stderr


def blocks():
    """This node's blocks: CIDR to state."""
    items = json.loads(pinpool("get", "blocks", "-o", "json"))["items"]
    return {item["cidr"]: item["state"] for item in items if item.get("node") == NODE}


def routes():
    return subprocess.run(["ip", "route", "show", "proto", "112"], capture_output=True, text=True, check=True).stdout


def part(name):
    """A part of `pinpool status`: whether it is well, and its text."""
    parts = json.loads(pinpool("status", "-o", "json", check=False))["parts"]
    found = next((p for p in parts if p["name"] == name), {"ok": None, "message": ""})
    return found["ok"], found["message"]


def cni(command, name, pool_name):
    """The plugin, as a runtime calls it; its answer."""
    config = {"cniVersion": "1.0.0", "name": "pods", "type": "pinpool-cni", "runtimeConfig": {
        "io.kubernetes.cri.pod-annotations": {"ipam.cilium.io/ip-pool": pool_name}},
        "capabilities": {"io.kubernetes.cri.pod-annotations": True}}
    environment = {**os.environ, "CNI_COMMAND": command, "CNI_CONTAINERID": name, "CNI_NETNS": f"/run/netns/{name}",
                   "CNI_IFNAME": "eth0", "CNI_PATH": os.path.join(ROOT, "build"),
                   "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={name}"}
    done = subprocess.run([os.path.join(ROOT, "build/pinpool-cni")], input=json.dumps(config), env=environment,
                          capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout or "{}")


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout


class Agent:
    """The process; the node that it brings up lives on without it."""

    def __init__(self, kubeconfig="/mnt/kubeconfig", args=()):
        self.began = os.path.getsize(LOG) if os.path.exists(LOG) else 0
        with open(LOG, "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(ROOT, "build/pinpool-agent"), "--kubeconfig", kubeconfig, "--node", NODE, "--conflist",
                 CONFLIST, "--listen", "127.0.0.1:9962", *args], stdout=log, stderr=log)

    def page(self, name):
        done = subprocess.run(["curl", "-s", "-m", "2", f"http://127.0.0.1:9962/{name}"], capture_output=True, text=True,
                              check=False)
        return done.stdout

    def ready(self, seconds=20):
        return wait(lambda: self.page("readyz") == "ok\n", seconds)

    def metric(self, name):
        return next((int(line.split()[1]) for line in self.page("metrics").splitlines()
                     if line.startswith(f"pinpool_agent_{name} ")), None)

    def log(self):
        with open(LOG, encoding="utf-8", errors="replace") as file:
            file.seek(self.began)
            return file.read()

    def end(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        return self.process.wait(30)


class Proxy:
    """tests/lib/faulty-proxy in front of the API server."""

    def __init__(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                        "/mnt/wrong.key", "-out", "/mnt/wrong.crt"], check=True, stderr=subprocess.DEVNULL)
        self.process = subprocess.Popen(
            [PROXY, "/mnt/proxy", "--listen", "127.0.0.1:6443", "--server", "192.168.10.101:443", "--ca", "/mnt/ca.crt",
             "--cert", "/mnt/api.crt", "--key", "/mnt/api.key", "--wrong-cert", "/mnt/wrong.crt", "--wrong-key",
             "/mnt/wrong.key"], stdout=subprocess.PIPE)
        assert b"ready" in self.process.stdout.readline()
        self.kubeconfig = "/mnt/kubeconfig-proxy"
        with open("/mnt/kubeconfig", encoding="ascii") as file, open(self.kubeconfig, "w", encoding="ascii") as out:
            out.write(file.read().replace("https://192.168.10.101:443", "https://127.0.0.1:6443"))

    @staticmethod
    def tell(*words):
        subprocess.run([PROXY, "/mnt/proxy", *words], check=True, stdout=subprocess.DEVNULL)

    def end(self):
        self.process.kill()
        self.process.wait()
        os.unlink("/mnt/proxy")


def uplink():
    for words in ("link add eth0 type veth peer name lan0", "address add 192.168.0.1/16 dev eth0", "link set eth0 up",
                  "link set lan0 up", "route add default via 192.168.255.1"):
        subprocess.run(["ip", *words.split()], check=True)


def options(api, data):
    """cilium-config"""
    value = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cilium-config"}, "data": data}
    try:
        api.request("PUT", f"{MAPS}/cilium-config", value)
    except ApiError:
        api.request("POST", MAPS, value)


def prepare():
    """An API server with the definitions and options, and an uplink."""
    subprocess.run([LAB, "api"], check=True)
    uplink()
    for file in glob.glob(os.path.join(ROOT, "scripts/chart/crds/*.yaml")):
        subprocess.run([LAB, "on", "-", "kubectl", "apply", "-f", file], check=True, stdout=subprocess.DEVNULL)
    api = Api()

    def served():
        try:
            return api.get("CiliumNode") is not None and api.get("Pool") is not None and api.request("GET", CONFIGS)
        except ApiError:
            return False
    assert wait(served, 30)
    options(api, OPTIONS)
    os.environ["PINPOOL_STATE"] = "/mnt/node.yaml"
    return api
