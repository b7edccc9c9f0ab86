"""A headless Chromium, driven through its DevTools protocol over a pipe; no other package."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium():
    """Path of an installed Chromium; None if there is none. CLIQA_CHROMIUM names one."""
    named = os.environ.get("CLIQA_CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


class BrowserError(RuntimeError):
    """The browser did not do what it was told."""


class Browser:
    """One tab. Every message of the console and every request is kept."""

    def __init__(self, program, profile):
        read_us, write_it = os.pipe()
        read_it, write_us = os.pipe()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        flags += ["--disable-background-networking", "--disable-dev-shm-usage", "--no-first-run"]

        def put_in_place():  # the browser reads from descriptor 3 and writes to 4
            a, b = os.dup(read_it), os.dup(write_it)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self._process = subprocess.Popen(
            [program, *flags, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=put_in_place,
            close_fds=False,
        )
        os.close(read_it)
        os.close(write_it)
        self._read, self._write = read_us, write_us
        self._buffer, self._number, self.events = b"", 0, []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    _session = None

    def send(self, method, **parameters):
        """Call a method of the protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                return answer["result"]

    def _next(self, limit=60):
        end = time.monotonic() + limit
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], max(0, end - time.monotonic()))[0]:
                raise BrowserError("no answer")
            part = os.read(self._read, 1 << 16)
            if not part:
                raise BrowserError("the browser has gone")
            self._buffer += part
        text, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message

    def open(self, url, width=1200, height=900, *, dark=False):
        """Load a page and wait until it has loaded."""
        phone = width < 600
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.send("Page.navigate", url=url)
        while not any(e["method"] == "Page.loadEventFired" for e in self.events):
            self._next()
        self.run("1")

    def run(self, script):
        """The value of an expression in the page; a promise is awaited."""
        result = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise BrowserError(json.dumps(result["exceptionDetails"])[:500])
        return result["result"].get("value")

    def key(self, key, code, text=""):
        """Press and release a key."""
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def screenshot(self, path):
        """Write what is seen as PNG."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))

    @property
    def requests(self):
        """Addresses that the page asked for, but for itself and data in it."""
        sent = [e for e in self.events if e["method"] == "Network.requestWillBeSent"]
        addresses = [e["params"]["request"]["url"] for e in sent]
        return [a for a in addresses[1:] if not a.startswith("data:")]

    @property
    def complaints(self):
        """Errors and warnings of the console, and scripts that failed."""
        found = []
        for event in self.events:
            name, given = event["method"], event.get("params", {})
            if name == "Runtime.exceptionThrown":
                found.append(given["exceptionDetails"])
            elif name == "Runtime.consoleAPICalled" and given["type"] in {"error", "warning"}:
                found.append(given)
            elif name == "Log.entryAdded" and given["entry"]["level"] in {"error", "warning"}:
                found.append(given["entry"])
        return found

    def close(self):
        """End the browser that was started here."""
        self._session = None
        try:
            self.send("Browser.close")
            self._process.wait(20)
        except (BrowserError, OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)
