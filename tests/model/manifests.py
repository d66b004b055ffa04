# SPDX-License-Identifier: GPL-2.0-only
"""The model's pools, options and other nodes as manifests."""
import json

POOL = {"apiVersion": "cilium.io/v2alpha1", "kind": "CiliumPodIPPool"}


def family(part):
    spec = {"cidrs": [str(c) for c in part["cidrs"]], "maskSize": part["mask"]}
    entries = {}
    for cidr, start, end in part["reserved"]:
        entries.setdefault(str(cidr), []).append({"start": str(start), "end": str(end)})
    if entries:
        spec["pool"] = [{"cidr": c, "reservedRanges": ranges} for c, ranges in entries.items()]
    return spec


def pool(name, spec):
    body = {f"ipv{(4, 6)[f]}": family(spec[f]) for f in (0, 1) if f in spec}
    for key, field in (("first", "allowFirstIP"), ("last", "allowLastIP")):
        if spec[key]:
            body[field] = True
    return {**POOL, "metadata": {"name": name}, "spec": body}


def created(spec):
    """A pool as auto-create-cilium-pod-ip-pools says it."""
    parts = []
    for f in (0, 1):
        if f in spec:
            parts += [f"ipv{(4, 6)[f]}-cidrs:" + ",".join(str(c) for c in spec[f]["cidrs"]),
                      f"ipv{(4, 6)[f]}-mask-size:{spec[f]['mask']}"]
    for key in ("first", "last"):
        if spec[key]:
            parts.append(f"allow-{key}-ip:true")
    return ";".join(parts)


def config(options):
    data = {
        "enable-ipv4": str(0 in options["families"]).lower(),
        "enable-ipv6": str(1 in options["families"]).lower(),
        "ipam-default-ip-pool": options["default"],
        "ipam-multi-pool-pre-allocation": ",".join(f"{p}={n}" for p, n in options["pre_allocation"].items()),
    }
    if options["auto"]:
        data["auto-create-cilium-pod-ip-pools"] = json.dumps({n: created(s) for n, s in options["auto"].items()})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cilium-config"}, "data": data}


def node(name, cidrs):
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNode", "metadata": {"name": name}, "spec": {"ipam": {
        "pools": {"allocated": [{"pool": "other", "cidrs": [str(c) for c in cidrs]}] if cidrs else []}}}}


def text(pools, options, claims):
    objects = [pool(n, s) for n, s in pools.items()]
    if options:
        objects.append(config(options))
    objects += [node(n, c) for n, c in (claims or {}).items()]
    return "\n---\n".join(json.dumps(o) for o in objects)
