"""A receiver in Python, with the standard library alone:

    WEBHOOK_SECRET='…' PORT=8081 python3 receiver.py
"""

import hashlib
import hmac
import os
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SECRET = os.environ.get("WEBHOOK_SECRET", "").encode()
AN_ID = re.compile(r"[0-9A-Z]{26}")  # it becomes a file's name, and X-Signature-256 does not cover it
LONGEST = 1 << 20


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(self.receive())
        self.end_headers()

    def receive(self):
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,7}", length) or int(length) > LONGEST:
            return 413
        body = self.rfile.read(int(length))
        if not genuine(body, self.headers.get("X-Signature-256", "")):
            return 401
        delivery = self.headers.get("webhook-id", "")
        if not AN_ID.fullmatch(delivery):
            return 400
        try:
            keep(delivery, body)
        except OSError as error:
            self.log_error("%s", error)
            return 500  # Stackhook tries again
        return 204  # answer first, work later


def genuine(body, signature):
    want = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(want.encode(), signature.encode())  # takes as long wherever they differ


def keep(delivery, body):
    file = Path("inbox", delivery + ".json")
    if file.exists():
        return  # a repeat
    part = file.with_suffix(".part")
    part.write_bytes(body)
    part.rename(file)


if __name__ == "__main__":
    if not SECRET:
        raise SystemExit("Set WEBHOOK_SECRET. Without a secret, a signature proves nothing.")
    Path("inbox").mkdir(exist_ok=True)
    with ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "0"))), Receiver) as server:
        print(f"listens on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
