"""Starts a server, waits until it answers, reads its peak memory and stops it."""

import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

START_SECONDS = 120
STOP_SECONDS = 120  # what a disk cache has not stored yet is stored first


class ServerError(Exception):
    """A server did not start or died; the message has the end of what it printed."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server, as a context manager: gone when the block is left, whatever happened in it."""

    def __init__(self, command: list[str], log: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._command = [*command, "--host", "127.0.0.1", "--port", str(port)]
        self._log = log

    def __enter__(self) -> Self:
        with open(self._log, "w") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if not isinstance(error, Exception):
            self._stop()
            return
        try:
            self.process.wait(1)  # that a connection broke is known before the end of who broke it
            died = True
        except subprocess.TimeoutExpired:
            died = False
        self._stop()
        if died:
            raise self._failure("died") from error

    def peak_memory(self) -> int:
        """The most bytes that were resident at once, the mapped model file among them."""
        return self._status_bytes("VmHWM")

    def resident_memory(self) -> int:
        """The bytes that are resident now."""
        return self._status_bytes("VmRSS")

    def _status_bytes(self, field: str) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise self._failure("died")

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise self._failure(f"ended with {self.process.returncode} before it answered")
            try:
                with urllib.request.urlopen(self.url + "/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise self._failure(f"did not answer within {START_SECONDS} s")

    def _stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:  # too slow, or interrupted once more
            self.process.kill()
            self.process.wait()

    def _failure(self, what: str) -> ServerError:
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
        return ServerError(f"{self._command[0]} {what}. The end of {self._log}:\n{tail}")
