"""Tries what a script must not do, and prints what comes of it."""

import datetime
import os
import random
import secrets
import socket
import time
import uuid

TRIED = {
    "read": lambda: open("/etc/passwd"),
    "write": lambda: open("rows.txt", "w"),
    "raw": lambda: __import__("_io").FileIO("/etc/passwd"),
    "list": lambda: os.listdir("/python"),
    "make": lambda: os.mkdir("folder"),
    "connect": lambda: socket.socket(),
    "resolve": lambda: socket.getaddrinfo("example.org", 80),
    "start": lambda: __import__("subprocess").run(["true"]),
    "sleep": lambda: time.sleep(1),
    "urandom": lambda: os.urandom(1),
    "system random": lambda: random.SystemRandom().random(),
    "secret": lambda: secrets.token_hex(4),
    "uuid": uuid.uuid4,
    "wait": lambda: __import__("asyncio").run(__import__("asyncio").sleep(1)),
    "recurse": lambda: (lambda f: f(f))(lambda f: f(f)),
}


def process(all_objects, emit):
    for name, function in TRIED.items():
        try:
            function()
        except Exception as error:
            emit({"tried": name, "error": type(error).__name__})
        else:
            emit({"tried": name, "error": None})
    emit({
        "now": datetime.datetime.now(datetime.timezone.utc),
        "random": [random.random(), random.Random().random()],
        "set": list({"a", "b", "c", "d"}),
        "environment": dict(os.environ) == {} or sorted(os.environ),
    })
