#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Traffic that must survive what a test does meanwhile, and the count of what did not.

traffic.py [--port P] [--ready FILE] serve
    echoes TCP and UDP on port P of all addresses and serves HTTP on P+1, until it is ended
traffic.py [--port P] [--ready FILE] load [--rate N] [--seconds S] [--long] ADDRESS...
    one TCP connection, UDP requests and (without --long) HTTP requests, each a new connection, to each
    address, until S seconds are over or SIGTERM or SIGINT comes; then one JSON object: sums of
    tcp  {bytes, resets, pause}    bytes that came back as they were sent; errors and early ends; the
                                   longest time (ms) between two answers
    udp  {sent, lost, wrong}       requests; those without an answer within a second; wrong answers
    http {requests, errors}
    errors: the first few errors as text
FILE is made once everything runs.
"""
import argparse
import http.server
import json
import os
import signal
import socket
import socketserver
import sys
import threading
import time

SLOW = int(os.environ.get("PINPOOL_SLOW", 1))
UDP_TIMEOUT = 1.0 * SLOW
CHUNK = bytes(range(256)) * 32


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Tcp(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except OSError:
            pass


class Http(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.client_address[0].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = daemon_threads = True
    request_queue_size = 256


def serve(args):
    servers = [Server(("::", args.port), Tcp), Server(("::", args.port + 1), Http)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.bind(("::", args.port))
    ready(args)
    while True:
        data, peer = udp.recvfrom(65536)
        try:
            udp.sendto(data, peer)
        except OSError:
            pass


class Load:
    def __init__(self, args):
        self.args = args
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.kinds = (self.tcp, self.udp) if args.long else (self.tcp, self.udp, self.http)
        self.started = threading.Barrier(len(self.kinds) * len(args.address) + 1)
        self.total = {
            "tcp": {"bytes": 0, "resets": 0, "pause": 0},
            "udp": {"sent": 0, "lost": 0, "wrong": 0},
            "http": {"requests": 0, "errors": 0},
            "errors": [],
        }

    def add(self, kind, key, n=1, error=None):
        with self.lock:
            self.total[kind][key] += n
            if error and len(self.total["errors"]) < 8:
                self.total["errors"].append(f"{kind}: {error}")

    def tcp(self, address):
        counted, pause = 0, 0.0
        try:
            s = socket.create_connection((address, self.args.port), timeout=10 * SLOW)
            self.started.wait()
            while not self.stop.is_set():
                begun = time.monotonic()
                s.sendall(CHUNK)
                left = len(CHUNK)
                got = b""
                while len(got) < left:
                    data = s.recv(left - len(got))
                    if not data:
                        raise OSError("closed by the other side")
                    got += data
                if got != CHUNK:
                    raise OSError("other bytes came back")
                counted += len(got)
                pause = max(pause, time.monotonic() - begun)
                time.sleep(1 / self.args.rate)
            s.close()
        except (OSError, threading.BrokenBarrierError) as e:
            self.add("tcp", "resets", error=f"{address}: {e}")
            self.started.abort()
        self.add("tcp", "bytes", counted)
        with self.lock:
            self.total["tcp"]["pause"] = max(self.total["tcp"]["pause"], int(pause * 1000))

    def udp(self, address):
        s = socket.socket(family(address), socket.SOCK_DGRAM)
        s.settimeout(UDP_TIMEOUT)
        s.connect((address, self.args.port))
        self.started.wait()
        number = 0
        while not self.stop.is_set():
            number += 1
            message = f"{number} {os.getpid()} {address}".encode()
            try:
                s.send(message)
                answer = s.recv(65536)
                while answer != message and int(answer.split()[0]) < number:
                    answer = s.recv(65536)  # late: it was counted as lost
                if answer != message:
                    self.add("udp", "wrong", error=answer)
            except OSError as e:
                self.add("udp", "lost", error=f"{address}: {e or 'no answer'}")
            time.sleep(1 / self.args.rate)
        self.add("udp", "sent", number)

    def http(self, address):
        self.started.wait()
        count = 0
        request = f"GET / HTTP/1.0\r\nHost: {address}\r\n\r\n".encode()
        while not self.stop.is_set():
            count += 1
            try:
                with socket.create_connection((address, self.args.port + 1), timeout=5 * SLOW) as s:
                    s.sendall(request)
                    answer = b""
                    while data := s.recv(65536):
                        answer += data
                    if b" 200 " not in answer:
                        raise OSError(f"answer {answer[:40]}")
            except OSError as e:
                self.add("http", "errors", error=f"{address}: {e}")
            time.sleep(5 / self.args.rate)
        self.add("http", "requests", count)

    def run(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())
        threads = [
            threading.Thread(target=kind, args=(address,), daemon=True)
            for address in self.args.address
            for kind in self.kinds
        ]
        for thread in threads:
            thread.start()
        try:
            self.started.wait(15 * SLOW)
        except threading.BrokenBarrierError:
            self.stop.set()
        ready(self.args)
        self.stop.wait(self.args.seconds)
        self.stop.set()
        for thread in threads:
            thread.join(UDP_TIMEOUT + 10 * SLOW)
        print(json.dumps(self.total))


def ready(args):
    if args.ready:
        open(args.ready, "w").close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=7000)
    parser.add_argument("--ready")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve")
    load = commands.add_parser("load")
    load.add_argument("--rate", type=float, default=200 / SLOW)
    load.add_argument("--seconds", type=float)
    load.add_argument("--long", action="store_true")
    load.add_argument("address", nargs="+")
    args = parser.parse_args()
    if args.command == "serve":
        serve(args)
    Load(args).run()
    sys.stdout.flush()


if __name__ == "__main__":
    main()
