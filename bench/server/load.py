"""The load generator: wrk, with one body, against 127.0.0.1."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

SCRIPT = """wrk.method = "POST"
local file = io.open({body}, "rb")
wrk.body = file:read("*a")
file:close()
{headers}
"""


def write(folder: Path, name: str, body: bytes, headers: dict[str, str]) -> Path:
    """A Lua script for wrk that sends `body`."""
    (folder / f"{name}.body").write_bytes(body)
    lines = "\n".join(f'wrk.headers["{key}"] = "{value}"' for key, value in headers.items())
    script = folder / f"{name}.lua"
    script.write_text(SCRIPT.format(body=f'"{folder / name}.body"', headers=lines))
    return script


def requests_per_second(url: str, script: Path, connections: int, seconds: float) -> float:
    """Answers per second; every answer must be a 2xx."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(script), url]
    text = subprocess.run(command, capture_output=True, check=True, text=True, timeout=seconds + 60).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"{url}: {text}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if found is None:
        raise RuntimeError(f"{url}: wrk said {text}")
    return float(found[1])
