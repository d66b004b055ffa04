#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Refuses objects (YAML on stdin, one or a List) that `kubectl apply` would refuse: strict decoding.

The schemas are those of the CustomResourceDefinitions in Cilium's pkg/k8s/apis/cilium.io/client/crds:
v2alpha1/ciliumpodippools.yaml, v2/ciliumnodes.yaml, v2/ciliumnodeconfigs.yaml (1.17; selectors: 1.18), and of
Kubernetes' core v1. "!" marks what is required, "*" a map with any keys.
"""
import ipaddress
import sys

import yaml


def cidr(text):
    ipaddress.ip_network(text)


STRINGS = {"*": str}
SELECTOR = {"matchLabels": STRINGS, "matchExpressions": [{"key!": str, "operator!": str, "values": [str]}]}
FAMILY = {"cidrs!": [cidr], "maskSize!": int}
METADATA = {"name!": str, "namespace": str, "labels": STRINGS, "annotations": STRINGS, "creationTimestamp": str,
            "generation": int, "resourceVersion": str, "uid": str}
KINDS = {
    ("CiliumPodIPPool", "cilium.io/v2alpha1"): {"spec!": {
        "ipv4": FAMILY, "ipv6": FAMILY, "podSelector": SELECTOR, "namespaceSelector": SELECTOR}},
    ("CiliumNode", "cilium.io/v2"): {"spec!": {
        "addresses": [{"type": str, "ip": str}], "instance-id": str, "bootid": str,
        "health": {"ipv4": str, "ipv6": str}, "ingress": {"ipv4": str, "ipv6": str}, "encryption": {"key": int},
        "ipam": {"podCIDRs": [str], "pools": {
            "allocated": [{"pool!": str, "cidrs": [cidr]}],
            "requested": [{"pool!": str, "needed": {"ipv4-addrs": int, "ipv6-addrs": int}}]}}}},
    ("CiliumNodeConfig", "cilium.io/v2"): {"spec!": {"defaults!": STRINGS, "nodeSelector!": SELECTOR}},
    ("ConfigMap", "v1"): {"data": STRINGS, "binaryData": STRINGS, "immutable": bool},
    ("Namespace", "v1"): {"spec": {"finalizers": [str]}},
}


def check_object(where, schema, value):
    if not isinstance(value, dict):
        sys.exit(f"{where}: not an object")
    for name in schema:
        if name.endswith("!") and name[:-1] not in value:
            sys.exit(f"{where}.{name[:-1]}: required")
    for name, field in value.items():
        kind = schema.get(name) or schema.get(name + "!") or schema.get("*")
        if kind is None:
            sys.exit(f"{where}.{name}: not in the schema")
        check(f"{where}.{name}", kind, field)


def check(where, schema, value):
    if isinstance(schema, dict):
        check_object(where, schema, value)
    elif isinstance(schema, list):
        if not isinstance(value, list):
            sys.exit(f"{where}: not a list")
        for i, item in enumerate(value):
            check(f"{where}[{i}]", schema[0], item)
    elif schema is cidr:
        cidr(value)
    elif type(value) is not schema:
        sys.exit(f"{where}: {value!r} is not of type {schema.__name__}")


def main():
    top = yaml.safe_load(sys.stdin)
    items = top["items"] if top["kind"] == "List" else [top]
    if not items:
        sys.exit("nothing to check")
    for item in items:
        schema = KINDS.get((item["kind"], item["apiVersion"]))
        if schema is None:
            sys.exit(f"{item['kind']} {item['apiVersion']}: unknown")
        check_object(f"{item['kind']}/{item['metadata'].get('name')}",
                     {"apiVersion!": str, "kind!": str, "metadata!": METADATA, **schema}, item)


main()
