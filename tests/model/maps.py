# SPDX-License-Identifier: GPL-2.0-only
"""The pinned IPAM maps of a root as Python values, read with libbpf and decoded by the objects' BTF."""
import ctypes
import hashlib
import ipaddress
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(TOP, "tests/packet"))

lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
MAPS = {  # name: key, value; None is an unsigned int
    "pp_ipam": (None, "ipam"), "pp_config": (None, "config"), "pp_pools": (None, "pool"),
    "pp_pool_ids": ("pool_name", None), "pp_pool_cidrs": ("pool_cidr_key", "pool_cidr"),
    "pp_blocks": (None, "block"), "pp_ips": ("ips_key", "ips_chunk"),
    "pp_excluded": ("ips_key", "ips_chunk"), "pp_leases": ("lease_owner", "lease"),
    "pp_pending": ("pending_key", "pending"), "pp_objects": ("object_key", "object_chunk"),
    "pp_nodes": ("object_key", "object_chunk"),
    "pp_metadata": ("object_key", "object_chunk"),
    "pp_endpoints": ("object_key", "object_chunk"),
    "pp_pods": (None, "pod"), "pp_pod_ips": ("addr", "pod_ip"), "pp_cidrs": ("cidr_key", "cidr"),
}
BATCH = 4096
FAMILIES = {"FAMILY_IPV4": 0, "FAMILY_IPV6": 1}


def network(prefix):
    """A struct prefix as an ipaddress network."""
    ip = ipaddress.ip_address(prefix["addr"] or "::")
    return ipaddress.ip_network((ip, prefix["length"] - (96 if ip.version == 4 else 0)))


class Codecs:
    """The types of all maps; one for all roots."""

    def __init__(self, build):
        from btf import Btf
        btf = Btf(os.path.join(build, "ipam.bpf.o"))
        number = btf.codec(next(i for i, t in btf.types.items()
                                if t["kind"] == "INT" and t["size"] == 4 and t["encoding"] != "SIGNED"))
        self.of = {name: tuple(btf.codec(btf.named("STRUCT", s)) if s else number for s in types)
                   for name, types in MAPS.items()}


class Maps:
    """maps.items("pp_blocks") and the raw bytes for maps.raw("pp_pods")."""

    def __init__(self, root="/sys/fs/bpf/pinpool", build=os.path.join(TOP, "build"), codecs=None):
        self.directory, self.build = os.path.join(root, "v2"), build
        self.known, self.fds = codecs, {}

    @property
    def codecs(self):
        self.known = self.known or Codecs(self.build)
        return self.known

    def fd(self, name):
        if name not in self.fds:
            self.fds[name] = lib.bpf_obj_get(os.path.join(self.directory, name).encode())
            if self.fds[name] < 0:
                raise OSError(ctypes.get_errno(), f"{self.directory}/{name}")
        return self.fds[name]

    def sizes(self, name):
        """Of key and value: the third and fourth number of struct bpf_map_info."""
        info, size = ctypes.create_string_buffer(16), ctypes.c_uint32(16)
        lib.bpf_obj_get_info_by_fd(self.fd(name), info, ctypes.byref(size))
        return struct.unpack("<IIII", info.raw)[2:]

    def close(self):
        for fd in self.fds.values():
            os.close(fd)
        self.fds = {}

    def raw(self, name):
        """All (key, value) of a map, as bytes."""
        key, value = self.sizes(name)
        keys, values = (ctypes.create_string_buffer(size * BATCH) for size in (key, value))
        cursor, previous, records = ctypes.create_string_buffer(max(key, 4)), None, []
        while True:
            count = ctypes.c_uint32(BATCH)
            failed = lib.bpf_map_lookup_batch(self.fd(name), previous, cursor, keys, values,
                                              ctypes.byref(count), None) < 0
            if failed and ctypes.get_errno() == 524:  # ENOTSUPP: no batches for this type
                return self.raw_slowly(name)
            for i in range(count.value):
                records.append((keys[i * key:(i + 1) * key], values[i * value:(i + 1) * value]))
            if failed:
                return records
            previous = cursor

    def raw_slowly(self, name):
        key, value = (ctypes.create_string_buffer(size) for size in self.sizes(name))
        previous, records = None, []
        while lib.bpf_map_get_next_key(self.fd(name), previous, key) == 0:
            previous = ctypes.create_string_buffer(key.raw, len(key.raw))
            if lib.bpf_map_lookup_elem(self.fd(name), key, value) == 0:
                records.append((key.raw, value.raw))
        return records

    def items(self, name):
        key, value = self.codecs.of[name]
        return [(key.unpack(k), value.unpack(v)) for k, v in self.raw(name)]

    def array(self, name, size):
        """The entries of an array whose first byte is not zero, by index."""
        codec = self.codecs.of[name][1]
        keys, values = (ctypes.create_string_buffer(n * size) for n in (4, codec.size))
        count, cursor = ctypes.c_uint32(size), ctypes.c_uint32()
        lib.bpf_map_lookup_batch(self.fd(name), None, ctypes.byref(cursor), keys, values,
                                 ctypes.byref(count), None)
        whole = values.raw
        return {i: codec.unpack(whole[i * codec.size:(i + 1) * codec.size])
                for i, first in enumerate(whole[::codec.size]) if first}

    def one(self, name):
        """The only entry of an array of one."""
        return self.items(name)[0][1]


def digests(maps):
    """One line a map: whether anything that a command may change has changed."""
    for name in MAPS:
        whole = hashlib.sha256()
        for key, value in sorted(maps.raw(name)):
            whole.update(key + value)
        yield f"{name} {whole.hexdigest()[:16]}"


if __name__ == "__main__":
    print("\n".join(digests(Maps(*sys.argv[1:]))))
