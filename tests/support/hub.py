"""A server on this machine that speaks what the Hub's client asks for, so the client is real."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


def commit_of(word: str) -> str:
    """A commit hash for tests."""
    return hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest()


class FakeHub:
    """Dataset repositories, each a few commits of files.

    Attributes:
        requests: method and path of all requests.
        url: its address.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._commits: dict[str, dict[str, dict[str, bytes]]] = {}
        self._branches: dict[tuple[str, str], str] = {}
        self._gated: set[str] = set()
        hub = self

        class Handler(_Handler):
            def answer(self):
                return hub._answer(self.command, self.path)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def add(self, repository: str, files: dict[str, bytes], *, word: str = "first") -> str:
        """Commit files to `main`; the commit's hash."""
        commit = commit_of(repository + word)
        self._commits.setdefault(repository, {})[commit] = files
        self._branches[repository, "main"] = commit
        return commit

    def gate(self, repository: str) -> None:
        """Have access to a repository be requested first."""
        self._gated.add(repository)

    def stop(self) -> None:
        """Be gone; the port answers no more."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        self.requests.append(f"{method} {path}")
        path = unquote(urlsplit(path).path)
        found = re.fullmatch(
            r"/(?:api/)?datasets/([^/]+/[^/]+)(?:/(revision|tree|resolve)/([^/]+)(?:/(.+))?)?", path
        )
        if not found or found[1] not in self._commits:
            return _error(401, "RepoNotFound")
        repository, what, revision, name = found.groups()
        if repository in self._gated:
            return _error(403, "GatedRepo")
        commits = self._commits[repository]
        commit = self._branches.get((repository, revision or "main"), revision)
        if commit not in commits:
            return _error(404, "RevisionNotFound")
        files = commits[commit]
        if what == "resolve":
            if name not in files:
                return _error(404, "EntryNotFound", commit)
            tag = hashlib.sha256(files[name]).hexdigest()
            return 200, {"X-Repo-Commit": commit, "ETag": f'"{tag}"'}, files[name]
        if what == "tree":
            told = [
                {"type": "file", "path": n, "size": len(c), "oid": commit_of(n)}
                for n, c in files.items()
            ]
        else:
            told = {
                "id": repository,
                "sha": commit,
                "siblings": [{"rfilename": n} for n in files],
                "private": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
            }
        return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._respond(body=True)

    def do_HEAD(self):
        self._respond(body=False)

    def log_message(self, *args):
        pass

    def _respond(self, *, body):
        status, headers, content = self.answer()
        self.send_response(status)
        start = re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if start and body:
            content = content[int(start[1]) :]
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)


def _error(status, code, commit=None):
    headers = {"X-Error-Code": code, "X-Error-Message": code}
    return status, headers | ({"X-Repo-Commit": commit} if commit else {}), b"{}"
