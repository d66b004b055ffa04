#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Endpoints and clients of services, for tests/bats/sockets.bats.

services.py serve ADDRESS...            TCP and UDP port 8080 of each: answers with its address; prints "ready"
services.py connect ADDRESS PORT N      N TCP connections: "ENDPOINT COUNT" lines, and "peer ADDRESS:PORT"
services.py send ADDRESS PORT N         N datagrams of one unconnected socket, likewise
services.py hold ADDRESS PORT tcp|udp   one connection or socket, a line of the answer for each line read
services.py bind ADDRESS PORT tcp|udp   binds
Errors are printed by their name.
"""
import collections
import errno
import socket
import sys
import threading


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve_tcp(listener, address):
    def answer(connection):
        while connection.recv(64):
            connection.sendall(address.encode())
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def serve_udp(sock, address):
    while True:
        sock.sendto(address.encode(), sock.recvfrom(64)[1])


def serve(addresses):
    for address in addresses:
        listener = socket.create_server((address, 8080), family=family(address), backlog=128)
        sock = socket.socket(family(address), socket.SOCK_DGRAM)
        sock.bind((address, 8080))
        threading.Thread(target=serve_tcp, args=(listener, address)).start()
        threading.Thread(target=serve_udp, args=(sock, address)).start()
    print("ready", flush=True)


def connected(address, port, kind):
    sock = socket.socket(family(address), kind)
    sock.settimeout(5)
    sock.connect((address, port))
    return sock


def connect(address, port, count):
    seen, peers = collections.Counter(), set()
    for _ in range(count):
        with connected(address, port, socket.SOCK_STREAM) as sock:
            sock.sendall(b"x")
            seen[sock.recv(64).decode()] += 1
            peers.add("%s:%d" % sock.getpeername()[:2])
    report(seen, peers)


def send(address, port, count):
    seen, peers = collections.Counter(), set()
    with socket.socket(family(address), socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        for _ in range(count):
            sock.sendto(b"x", (address, port))
            answer, peer = sock.recvfrom(64)
            seen[answer.decode()] += 1
            peers.add("%s:%d" % peer[:2])
    report(seen, peers)


def report(seen, peers):
    for endpoint in sorted(seen):
        print(endpoint, seen[endpoint])
    print("peer", *sorted(peers))


def hold(address, port, kind):
    if kind == "tcp":
        sock = connected(address, port, socket.SOCK_STREAM)
    else:
        sock = socket.socket(family(address), socket.SOCK_DGRAM)
        sock.settimeout(5)
    for _ in sys.stdin:
        try:
            sock.sendto(b"x", (address, port)) if kind == "udp" else sock.sendall(b"x")
            print(sock.recv(64).decode(), flush=True)
        except OSError as error:
            print(errno.errorcode.get(error.errno, error), flush=True)


def bind(address, port, kind):
    socket.socket(family(address), socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM).bind((address, port))


def main():
    command, *rest = sys.argv[1:]
    if command == "serve":
        return serve(rest)
    address, port, last = rest[0], int(rest[1]), rest[2]
    try:
        {"connect": lambda: connect(address, port, int(last)), "send": lambda: send(address, port, int(last)),
         "hold": lambda: hold(address, port, last), "bind": lambda: bind(address, port, last)}[command]()
    except OSError as error:
        print(errno.errorcode.get(error.errno, error))


main()
