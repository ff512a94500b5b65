"""A shop window that answers slowly; on a signal it floods its log, forks or eats memory."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TITLE = "slow window 2"
STARTS_AFTER_S = 0.0
ANSWERS_AFTER_S = 0.3
ITEMS = [{"id": number, "name": f"item {number}"} for number in range(1, 6)]


def etag(text):
    return hashlib.md5(text.encode()).hexdigest()


def render(name):
    return subprocess.check_output(f"figlet {name}", shell=True)


class Window(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep(ANSWERS_AFTER_S)
        if self.path == "/":
            links = '<a href="/items">items</a> <a href="/about">about</a>'
            self.answer(
                200, "text/html", f"<html><title>{TITLE}</title><body>{links}</body></html>"
            )
        elif self.path == "/about":
            self.answer(200, "text/html", f"<html><body>{TITLE}</body></html>")
        elif self.path == "/items":
            self.answer(200, "application/json", json.dumps(ITEMS))
        else:
            self.answer(404, "text/plain", "nothing here")

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", etag(text))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


def flood(*_):
    line = "x" * 1023 + "\n"
    for _ in range(32 * 1024):
        sys.stdout.write(line)
    sys.stdout.flush()


def fork(*_):
    for _ in range(2_000):
        try:
            if os.fork() == 0:
                time.sleep(4)
                os._exit(0)
        except OSError:
            return


def eat(*_):
    hoard = []
    while True:
        hoard.append(bytearray(os.urandom(1024) * 1024 * 4))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, flood)
    signal.signal(signal.SIGUSR2, fork)
    signal.signal(signal.SIGHUP, eat)
    time.sleep(STARTS_AFTER_S)
    ThreadingHTTPServer(("0.0.0.0", 8000), Window).serve_forever()
