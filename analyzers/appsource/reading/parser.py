"""Has JavaScript parsed by Babel's parser, in a process that a hostile file may crash."""

import json
import os
import selectors
import subprocess
import time
from pathlib import Path
from typing import Any

FILE_LIMIT_S = 10.0
_MAX_ANSWER_BYTES = 100_000_000
_HEAP_MB = 512
_PROGRAM = Path(__file__).with_name("parse.mjs")


class Unparsed(Exception):
    """A file that no parser could read; `line` where it says so."""

    def __init__(self, reason: str, line: int | None = None):
        super().__init__(reason)
        self.line = line


class JavaScriptParser:
    """One parser process, started when it is first needed and again after each crash."""

    def __init__(self, parser: str):
        self._argv = ["node", f"--max-old-space-size={_HEAP_MB}", str(_PROGRAM), parser]
        self._process: subprocess.Popen[bytes] | None = None

    def parse(self, name: str, text: str, limit_s: float = FILE_LIMIT_S) -> list[dict[str, Any]]:
        """Statements of a file. Raises: Unparsed."""
        line = json.dumps({"name": name, "text": text}).encode() + b"\n"
        try:
            answer = json.loads(self._exchange(line, limit_s))
        except (ValueError, OSError) as error:
            self.close()
            raise Unparsed(f"the parser died of it: {error}"[:200]) from error
        except RecursionError:
            raise Unparsed("nested too deep") from None
        if "tree" not in answer:
            reason = str(answer.get("error"))
            deep = "call stack" in reason
            raise Unparsed("nested too deep" if deep else reason, answer.get("line"))
        return answer["tree"]

    def _exchange(self, line: bytes, limit_s: float) -> bytes:
        """Write one line and read one, neither waiting longer than `limit_s`."""
        process = self._running()
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipes")
        end, answer = time.monotonic() + limit_s, bytearray()
        into, out = process.stdin.fileno(), process.stdout.fileno()
        with selectors.DefaultSelector() as waiting:
            waiting.register(into, selectors.EVENT_WRITE)
            waiting.register(out, selectors.EVENT_READ)
            while not answer.endswith(b"\n"):
                ready = waiting.select(max(0.0, end - time.monotonic()))
                if not ready:
                    raise OSError(f"no answer within {limit_s:g} s")
                for key, _ in ready:
                    if key.fd == into:
                        line = line[os.write(into, line[:65_536]) :]
                        if not line:
                            waiting.unregister(into)
                    else:
                        answer += _block(out, len(answer))
        return bytes(answer)

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    os.set_blocking(pipe.fileno(), False)
        return self._process

    def close(self) -> None:
        """End the process. Safe to repeat."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except OSError:
                        continue
            process.wait()


def _block(out: int, known: int) -> bytes:
    block = os.read(out, 1_048_576)
    if not block:
        raise OSError("its process ended")
    if known + len(block) > _MAX_ANSWER_BYTES:
        raise OSError("its tree is too large")
    return block
