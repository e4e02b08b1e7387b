"""Fuzzes the entrances, one after the other; exit 1 where something was found, 3 where it cannot be run.

usage: python -m tests.fuzz [--seconds 120] [protobuf json gzip answer]

An input is reported when it takes more than a second, and fails when it takes ten (the machine may be busy), or more
memory than 1 GiB for the whole process. What is found stays in .fuzz/, with the inputs that reached something new, from
which the next run goes on. Make what was found smaller, give it a name in corpus/, and a test if more is to be said:

    python -m tests.fuzz.target json .fuzz/json/crash-...              # once more
    python -m tests.fuzz.target json -minimize_crash=1 -runs=10000 .fuzz/json/crash-...
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.fuzz.entrances import ENTRANCES

ROOT: Final = Path(__file__).resolve().parents[2]
CORPUS: Final = Path(__file__).with_name("corpus")
WATCHDOG: Final = ("-report_slow_units=1", "-timeout=10", "-rss_limit_mb=1024")
FOUND: Final = ("crash-*", "timeout-*", "oom-*", "leak-*")
SLOW: Final = "slow-unit-*"


def fuzz(entrance: str, seconds: int) -> bool:
    """Fuzz one entrance; say how it went, and return whether nothing was found."""
    place = ROOT / ".fuzz" / entrance
    inputs = place / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    before = set(place.iterdir())
    command = [sys.executable, "-m", "tests.fuzz.target", entrance, *WATCHDOG, f"-max_total_time={seconds}"]
    command += [
        "-max_len=16384",
        "-print_final_stats=1",
        f"-artifact_prefix={place}/",
        str(inputs),
        str(CORPUS / entrance),
    ]
    log = place / "log"
    with log.open("w", encoding="utf-8") as output:
        status = subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=False).returncode
    said = log.read_text(encoding="utf-8", errors="replace")
    runs = next((line.split()[-1] for line in said.splitlines() if "number_of_executed_units" in line), "no")
    print(f"{entrance}: {runs} inputs in {seconds} s")
    new = sorted(set(place.iterdir()) - before - {log})
    for path in new:
        if path.match(SLOW):
            print(f"  took more than a second: {path.relative_to(ROOT)}")
        elif any(path.match(pattern) for pattern in FOUND):
            print(f"  found: {path.relative_to(ROOT)}")
    if status:
        print(f"  ended with status {status}, see {log.relative_to(ROOT)}")
        print("\n".join(said.splitlines()[-40:]))
    return status == 0


def main() -> int:
    """Fuzz what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("entrances", nargs="*", default=sorted(ENTRANCES), help=", ".join(ENTRANCES))
    parser.add_argument("--seconds", type=int, default=120, help="for all of them together")
    arguments = parser.parse_args()
    if find_spec("atheris") is None:
        print("atheris is not installed: it is there for CPython on Linux, x86-64")
        return 3
    each = max(1, arguments.seconds // len(arguments.entrances))
    return int(not all([fuzz(entrance, each) for entrance in arguments.entrances]))


if __name__ == "__main__":
    sys.exit(main())
