# SPDX-License-Identifier: GPL-2.0-only
"""A client of the API server of scripts/kube/lab, for tests: objects as dicts, no library but Python's."""
import http.client
import json
import os
import ssl
import time

STATE = "/mnt"
SLOW = int(os.environ.get("PINPOOL_SLOW", 1))
KINDS = {
    "Pool": "/apis/cilium.io/v2alpha1/ciliumpodippools", "CiliumNode": "/apis/cilium.io/v2/ciliumnodes",
    "Node": "/api/v1/nodes", "Namespace": "/api/v1/namespaces",
    "CRD": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}


class ApiError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body.get('message', body) if isinstance(body, dict) else body}")
        self.status = status


class Api:
    """Requests as the user of @token, one after the other over one connection."""

    def __init__(self, token="admin-token"):
        with open(f"{STATE}/address", encoding="ascii") as file:
            self.address = file.read().strip()
        self.token = token
        self.context = ssl.create_default_context(cafile=f"{STATE}/ca.crt")
        self.connection = None

    def request(self, method, path, body=None, kind="application/json"):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        for attempt in range(2):
            try:
                if not self.connection:
                    self.connection = http.client.HTTPSConnection(self.address, 443, context=self.context, timeout=30)
                self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
                answer = self.connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, OSError):
                self.connection = None
                if attempt:
                    raise
        value = json.loads(text) if text[:1] == b"{" else text.decode()
        if answer.status >= 300:
            raise ApiError(answer.status, value)
        return value

    def get(self, kind, name=""):
        """The object, None if there is none; without a name the list."""
        try:
            value = self.request("GET", KINDS[kind] + (f"/{name}" if name else ""))
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return value if name else value["items"]

    def create(self, kind, value):
        return self.request("POST", KINDS[kind], value)

    def merge(self, kind, name, value):
        return self.request("PATCH", f"{KINDS[kind]}/{name}", value, "application/merge-patch+json")

    def replace(self, kind, name, change):
        """Reads the object, lets @change edit it, writes it; again on a conflict."""
        while True:
            value = self.get(kind, name)
            change(value)
            try:
                return self.request("PUT", f"{KINDS[kind]}/{name}", value)
            except ApiError as error:
                if error.status != 409:
                    raise

    def delete(self, kind, name):
        return self.request("DELETE", f"{KINDS[kind]}/{name}")


def wait(condition, seconds=10, step=0.02):
    """Until @condition returns something true, which it returns; None after @seconds."""
    end = time.monotonic() + seconds * SLOW
    while not (value := condition()):
        if time.monotonic() > end:
            return None
        time.sleep(step)
    return value


def pool(name, v4=None, v6=None, **spec):
    """A CiliumPodIPPool; a family is (cidrs, mask size)."""
    for family, value in (("ipv4", v4), ("ipv6", v6)):
        if value:
            spec[family] = {"cidrs": value[0], "maskSize": value[1]}
    return {"apiVersion": "cilium.io/v2alpha1", "kind": "CiliumPodIPPool", "metadata": {"name": name}, "spec": spec}


def requested(**needed):
    """spec.ipam.pools.requested; a pool's need is a number of IPv4 addresses, or a pair of numbers."""
    pairs = {name: n if isinstance(n, tuple) else (n, 0) for name, n in sorted(needed.items())}
    return [{"pool": name.replace("_", "-"), "needed": {f"ipv{f}-addrs": n for f, n in ((4, v4), (6, v6)) if n}}
            for name, (v4, v6) in pairs.items()]


def node(name, allocated=None, annotations=None, **needed):
    """A CiliumNode as an agent creates it: what it needs, and the blocks that it has (pool to CIDRs)."""
    pools = {"requested": requested(**needed)}
    if allocated:
        pools["allocated"] = [{"pool": p, "cidrs": cidrs} for p, cidrs in sorted(allocated.items())]
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNode",
            "metadata": {"name": name, "annotations": annotations or {}},
            "spec": {"addresses": [{"type": "InternalIP", "ip": "192.0.2.1"}], "ipam": {"pools": pools}}}


def allocated(value):
    """The blocks that a CiliumNode lists: pool to CIDRs, in the order of the list."""
    pools = ((value or {}).get("spec", {}).get("ipam", {}).get("pools") or {}).get("allocated") or []
    return {entry["pool"]: list(entry.get("cidrs") or []) for entry in pools}


def trouble(value):
    """status.ipam.operator-status.error of a CiliumNode."""
    return ((value or {}).get("status", {}).get("ipam") or {}).get("operator-status", {}).get("error", "")
