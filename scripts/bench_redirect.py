#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The least that any tc datapath can be: one program of four instructions, redirect_peer and nothing else.

usage: bench_redirect.py FROM-INTERFACE TO-INTERFACE...    in pairs, in the caller's network namespace
"""
import ctypes
import os
import socket
import struct
import sys

SCHED_CLS, TCX_INGRESS, REDIRECT_PEER = 3, 46, 155


def attach(interface, target):
    lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
    instructions = ((0xb7, 1, 0, socket.if_nametoindex(target)), (0xb7, 2, 0, 0), (0x85, 0, 0, REDIRECT_PEER),
                    (0x95, 0, 0, 0))
    code = b"".join(struct.pack("<BBhi", *i) for i in instructions)
    # struct bpf_prog_load_opts: its size, attempts, expected_attach_type
    options = struct.pack("<QiI", 144, 0, TCX_INGRESS) + bytes(128)
    fd = lib.bpf_prog_load(SCHED_CLS, b"bench_redirect", b"GPL", code, ctypes.c_size_t(len(instructions)), options)
    if fd < 0:
        sys.exit(f"the program cannot be loaded: {os.strerror(ctypes.get_errno())}")
    if lib.bpf_prog_attach(fd, socket.if_nametoindex(interface), TCX_INGRESS, 0) < 0:
        sys.exit(f"{interface}: tcx cannot be attached: {os.strerror(ctypes.get_errno())}; it needs Linux 6.6")


if __name__ == "__main__":
    for pair in zip(sys.argv[1::2], sys.argv[2::2]):
        attach(*pair)
