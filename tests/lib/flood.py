#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Attacks with raw sockets, and what their victims do meanwhile, in tests/bats/share.bats; exit 0: as expected."""
import os
import random
import socket
import struct
import sys
import time

from probe import PORT, SLOW, echoed, family, udp_socket

SYN, RST, ACK = 2, 4, 16


def raw_socket():
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    return s


def ipv4(source, destination, protocol, payload):
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination)) + payload


def segment(sport, dport, flags, sequence):
    """TCP with a wrong checksum."""
    return struct.pack("!HHIIBBHHH", sport, dport, sequence, 0, 0x50, flags, 512, 0x1234, 0)


def checked(source, destination, sport, dport, flags, sequence):
    """TCP with a right one."""
    body = struct.pack("!HHIIBBHHH", sport, dport, sequence, 0, 0x50, flags, 512, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!HH", 6, 20)
    total = sum(struct.unpack("!16H", pseudo + body))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return body[:16] + struct.pack("!H", ~total & 0xffff) + body[18:]


def send(s, packet, destination):
    for _ in range(1000):
        try:
            return s.sendto(packet, (destination, 0))
        except OSError:  # no buffer is free
            time.sleep(0.001)


def syns(source, destination, *ports):
    """A SYN from 16,384 ports to each of these."""
    s = raw_socket()
    for port in map(int, ports):
        for sport in range(49152, 65536):
            packet = checked(source, destination, sport, port, SYN, random.getrandbits(32))
            send(s, ipv4(source, destination, 6, packet), destination)


def datagrams(source, destination, *ports):
    """A datagram from 16,384 ports to each of these."""
    s = raw_socket()
    for port in map(int, ports):
        for sport in range(49152, 65536):
            packet = ipv4(source, destination, 17, struct.pack("!HHHH", sport, port, 9, 0) + b"x")
            send(s, packet, destination)


def again(what, *rest):
    """The same for ever."""
    while True:
        globals()[what](*rest)


def resets(source, destination):
    """A RST from port 7000 to every port of the range, with any sequence number and a wrong checksum."""
    s = raw_socket()
    for port in range(49152, 65536):
        packet = segment(PORT, port, RST, random.getrandbits(32))
        send(s, ipv4(source, destination, 6, packet), destination)


def listen(*ports):
    """Servers that answer each SYN and keep nothing; ready once they do."""
    servers = [socket.create_server(("", int(port)), backlog=1) for port in ports]
    print("ready", len(servers), flush=True)
    time.sleep(3600)


def connect(address, count):
    """So many connections and datagrams are answered, one after the other; then all still are."""
    keep = []
    for number in range(int(count)):
        try:
            s = socket.create_connection((address, PORT), timeout=10 * SLOW)
            s.sendall(b"hello")
            assert s.recv(100) == b"hello", f"connection {number}: no echo"
            s.settimeout(10 * SLOW)
        except OSError as error:
            raise AssertionError(f"connection {number}: {error}") from error
        keep.append(s)
        assert echoed(udp_socket(address, timeout=10), b"one"), f"datagram {number}: no answer"
    for number, s in enumerate(keep):
        s.sendall(b"alive")
        assert s.recv(100) == b"alive", f"connection {number} was lost"


def ask(address, first, count):
    """So many questions from a new port each: every one is answered."""
    for port in range(int(first), int(first) + int(count)):
        with socket.socket(family(address), socket.SOCK_DGRAM) as s:
            s.bind(("", port))
            s.settimeout(5 * SLOW)
            s.connect((address, PORT))
            assert echoed(s, b"question"), f"the question from port {port} was not answered"


def idle(address, count, go):
    """Idle connections; each still works once the file @go is there."""
    keep = [socket.create_connection((address, PORT), timeout=10 * SLOW) for _ in range(int(count))]
    print("ready", flush=True)
    while not os.path.exists(go):
        time.sleep(0.1)
    for number, s in enumerate(keep):
        s.sendall(b"alive")
        assert s.recv(100) == b"alive", f"connection {number} was lost"
    print("alive", flush=True)
    time.sleep(3600)


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]](*sys.argv[2:])
    except (AssertionError, OSError) as failed:
        sys.exit(f"{' '.join(sys.argv[1:])}: {failed}")
