"""Running one command and saying what it took."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass


@dataclass
class Measurement:
    seconds: float | None = None
    peak_bytes: int | None = None
    """Bytes in the store, or bytes that a further backup added to it."""
    stored: int | None = None

    def text(self):
        parts = []
        if self.seconds is not None:
            parts.append(f"{self.seconds:.2f} s")
        if self.stored is not None:
            parts.append(size(self.stored))
        if self.peak_bytes is not None:
            parts.append(f"{self.peak_bytes >> 20} MB mem")
        return ", ".join(parts)

    def ratio_to(self, other):
        if self.seconds is not None:
            return self.seconds / max(other.seconds, 0.001)
        return self.stored / max(other.stored, 1)


def size(bytes_):
    for unit, scale in [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)]:
        if abs(bytes_) >= scale:
            return f"{bytes_ / scale:.1f} {unit}"
    return f"{bytes_} B"


class Runner:
    """Runs commands from a small process of its own: a program inherits the peak
    memory of whoever starts it (getrusage(2)), and this script grows large."""

    def __init__(self):
        self.server = subprocess.Popen(
            [sys.executable, "-B", "-S", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, command):
        """Runs (arguments, environment, folder) to its end; a failure ends the comparison."""
        self.server.stdin.write(json.dumps(command) + "\n")
        self.server.stdin.flush()
        answer = json.loads(self.server.stdout.readline())
        if answer["code"] != 0:
            sys.exit(f"{' '.join(command[0])}: exit {answer['code']}\n{answer['output']}")
        return Measurement(seconds=answer["seconds"], peak_bytes=answer["peak_bytes"])


def serve():
    """One JSON command a line in, one JSON answer a line out."""
    for line in sys.stdin:
        arguments, environment, folder = json.loads(line)
        with tempfile.TemporaryFile() as output:
            # What others have left to write is not to be waited for on this one's time.
            os.sync()
            started = time.monotonic()
            process = subprocess.Popen(
                arguments, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            # The largest of the process and all that it waited for.
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - started
            code = process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            shown = output.read()[-4000:].decode(errors="replace") if code else ""
        answer = {"code": code, "seconds": seconds, "peak_bytes": usage.ru_maxrss << 10, "output": shown}
        print(json.dumps(answer), flush=True)


def folder_bytes(root):
    """The bytes of all files below, as `ls` shows them."""
    total = 0
    folders = [root]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def warm(root):
    """Reads everything once, so that no peer pays for the disk."""
    subprocess.run(f"tar -C '{root}' -cf - . | cat >/dev/null", shell=True, check=True)


if __name__ == "__main__":
    serve()
