"""The bench's end of a process of load clients."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from bench.product import ROOT


class LoadFailed(Exception):
    """A load process refused a command or ended."""


class LoadProcess:
    """Runs until ``stop``; ``ask`` waits for the answer."""

    def __init__(self, *arguments: str, module: str = "bench.load") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def begin(self, do: str, **facts: Any) -> None:
        """Gives a command; ``finish`` waits for its answer."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": do, **facts}) + "\n")
        self._process.stdin.flush()

    def finish(self) -> dict[str, Any]:
        """Raises ``LoadFailed``."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise LoadFailed(f"the load process ended with status {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise LoadFailed(answer["error"])
        return answer["ok"]

    def ask(self, do: str, **facts: Any) -> dict[str, Any]:
        self.begin(do, **facts)
        return self.finish()

    def stop(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
