#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The minimal tc datapath: programs that call one redirect helper and nothing else.

usage: redirect.py FROM=TO... FROM=TO,NEXTHOP...    interfaces of the caller's network namespace
  FROM=TO           what FROM receives goes to the far end of TO, in its namespace: bpf_redirect_peer
  FROM=TO,NEXTHOP   what FROM receives goes out by TO to an IPv4 neighbour: bpf_redirect_neigh
"""
import ctypes
import os
import socket
import struct
import sys

SCHED_CLS, TCX_INGRESS, REDIRECT_NEIGH, REDIRECT_PEER = 3, 46, 152, 155
EXIT = (0x95, 0, 0, 0)


def mov(register, value):
    return 0xb7, register, 0, value


def store(offset, value):
    """A word on the stack."""
    return 0x62, 10, offset, value


def call(helper):
    return 0x85, 0, 0, helper


def program(target, nexthop):
    ifindex = socket.if_nametoindex(target)
    if not nexthop:
        return mov(1, ifindex), mov(2, 0), call(REDIRECT_PEER), EXIT
    address, = struct.unpack("=i", socket.inet_aton(nexthop))
    # struct bpf_redir_neigh: family, address of 16 bytes
    return (store(-20, socket.AF_INET), store(-16, address), store(-12, 0), store(-8, 0), store(-4, 0), mov(1, ifindex),
            (0xbf, 0xa2, 0, 0), (0x07, 2, 0, -20), mov(3, 20), mov(4, 0), call(REDIRECT_NEIGH), EXIT)


def attach(interface, instructions):
    lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
    code = b"".join(struct.pack("<BBhi", *i) for i in instructions)
    # struct bpf_prog_load_opts: its size, attempts, expected_attach_type
    options = struct.pack("<QiI", 144, 0, TCX_INGRESS) + bytes(128)
    fd = lib.bpf_prog_load(SCHED_CLS, b"bench_redirect", b"GPL", code, ctypes.c_size_t(len(instructions)), options)
    if fd < 0:
        sys.exit(f"the program cannot be loaded: {os.strerror(ctypes.get_errno())}")
    if lib.bpf_prog_attach(fd, socket.if_nametoindex(interface), TCX_INGRESS, 0) < 0:
        sys.exit(f"{interface}: tcx cannot be attached: {os.strerror(ctypes.get_errno())}; it needs Linux 6.6")


if __name__ == "__main__":
    for way in sys.argv[1:]:
        source, _, rest = way.partition("=")
        to, _, hop = rest.partition(",")
        attach(source, program(to, hop))
