"""Does what a new user does: `make up` in a fresh clone, log in, stop, start again; says how long each took."""

import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

PATIENCE_SECONDS = 300
#: A second start has nothing to install and nothing to make.
QUICK_SECONDS = 20


def start(port):
    """The running `make up` with what it said until it told its address, and how long that took."""
    began = time.monotonic()
    process = subprocess.Popen(
        ["make", "up"],
        env={**os.environ, "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = ""
    for line in process.stdout:
        sys.stdout.write(re.sub(r"^password: .*", "password: (not shown)", line))
        said += line
        if f"http://127.0.0.1:{port}" in line and line.startswith("agentflow runs"):
            return process, said, time.monotonic() - began
        assert time.monotonic() - began < PATIENCE_SECONDS, "make up takes too long"
    raise SystemExit("make up has ended")


def stop(process):
    """Press Ctrl-C, as the terminal does it: for the whole group."""
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    process.stdout.read()
    process.wait(PATIENCE_SECONDS)
    return time.monotonic() - began


def logged_in(address, password):
    """Whether the page after logging in is the user's own."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    form = browser.open(f"{address}/accounts/login/").read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form).group(1)
    fields = {"username": "admin", "password": password, "csrfmiddlewaretoken": token}
    browser.open(f"{address}/accounts/login/", urllib.parse.urlencode(fields).encode())
    graphs = browser.open(f"{address}/api/v1/graphs/").read().decode()
    return "Sales report" in graphs


def main():
    """Two starts with the same data."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    process, said, cold = start(port)
    password = re.search(r"^password: (\S+)$", said, re.MULTILINE).group(1)
    assert logged_in(address, password), "cannot log in after the first start"
    stopped = stop(process)
    process, said, warm = start(port)
    assert "password:" not in said, "the second start made a new administrator"
    assert logged_in(address, password), "the data are gone after the second start"
    stop(process)
    sys.stdout.write(f"make up: first start {cold:.1f} s, stop {stopped:.1f} s, second start {warm:.1f} s\n")
    assert warm < QUICK_SECONDS, "the second start is slow"


main()
