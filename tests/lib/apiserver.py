#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A server of HTTP over TLS whose answers are in the path, for tests/unit/kube_api.c.

usage: apiserver.py DIR    makes the certificates and kubeconfigs there, prints "ready", and serves until stdin
                           ends; then DIR is removed
"""
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

os.chdir(sys.argv[1])


def make_certificate(name, subject, extension=None):
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"]
    by = ["-CA", "ca.crt", "-CAkey", "ca.key"] if name not in ("ca", "other") else []
    subprocess.run(["openssl", "req", "-x509", *key, *by, "-days", "2", "-subj", f"/CN={subject}", "-out", f"{name}.crt",
                    *(["-addext", extension] if extension else [])], check=True, stderr=subprocess.DEVNULL)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def stream(self, *chunks):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            self.chunk(chunk)

    def do_any(self):
        Handler.count += 1
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        what, _, argument = self.path.lstrip("/").partition("/")
        getattr(self, "on_" + what)(argument, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any

    def on_echo(self, _, body):
        certificate = self.connection.getpeercert()
        subject = dict(pair[0] for pair in certificate["subject"]) if certificate else {}
        self.answer(200, json.dumps({
            "method": self.command, "path": self.path, "type": self.headers.get("Content-Type", ""),
            "accept": self.headers["Accept"], "token": self.headers.get("Authorization", ""), "body": body.decode(),
            "certificate": subject.get("commonName", ""), "port": self.client_address[1]}).encode())

    def on_status(self, argument, _):
        status = int(argument)
        self.answer(status, json.dumps({"kind": "Status", "message": f"said {status}\x1b[31m"}).encode(), Retry_After="7")

    def on_text(self, _, __):
        self.answer(404, b"404 page not found\nmore\n")

    def on_garbage(self, _, __):
        self.answer(200, b"{]")

    def on_token(self, argument, body):
        if self.headers.get("Authorization") == "Bearer " + argument:
            return self.on_echo(argument, body)
        return self.on_status("401", body)

    def on_large(self, argument, _):
        self.answer(200, b"x" * int(argument))

    def on_hang(self, _, __):
        time.sleep(8)

    def on_lines(self, _, __):
        self.stream(b'{"n":', b'1}\n{"n":2}\n', b"\n", b'{"n":3', b'}\n', b"")

    def on_cut(self, _, __):
        self.stream(b'{"n":1}\n{"n":')
        self.close_connection = True

    def on_silent(self, _, __):
        self.stream(b'{"n":1}\n')
        time.sleep(8)

    def on_long(self, argument, _):
        self.stream(*[b"x" * 65536] * (int(argument) // 65536), b"\n", b"")


def kubeconfig(name, port, user, ca="ca.crt"):
    with open(name, "w", encoding="utf-8") as file:
        json.dump({"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                   "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}", "certificate-authority": ca}}],
                   "users": [{"name": "u", "user": user}]}, file)


make_certificate("ca", "ca")
make_certificate("other", "other")
make_certificate("server", "server", "subjectAltName=IP:127.0.0.1")
make_certificate("client", "somebody")
ThreadingHTTPServer.request_queue_size = 64
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
server.handle_error = lambda *_: None  # clients that hang up are what is tested
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("server.crt", "server.key")
context.load_verify_locations("ca.crt")
context.verify_mode = ssl.CERT_OPTIONAL
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
kubeconfig("token", server.server_port, {"tokenFile": "token.txt"})
kubeconfig("certificate", server.server_port, {"client-certificate": "client.crt", "client-key": "client.key"})
kubeconfig("wrong-ca", server.server_port, {"token": "a"}, "other.crt")
kubeconfig("nobody", 1, {"token": "a"})
with open("token.txt", "w", encoding="utf-8") as file:
    file.write("first\n")
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
shutil.rmtree(os.getcwd())
