"""`uv run --group bench python -m bench NAME`: one ratio a line, and bench/results/NAME.md."""

import sys
from pathlib import Path

from bench.report import Report

NAMES = ("scorer", "log", "http")
RESULTS = Path(__file__).with_name("results")


def main(arguments: list[str]) -> int:
    """Run one measurement by name."""
    if len(arguments) != 1 or arguments[0] not in NAMES:
        print(f"usage: python -m bench {'|'.join(NAMES)}", file=sys.stderr)
        return 2
    name = arguments[0]
    report = Report(f"bench {name}")
    if name == "scorer":
        from bench.scorer import run
    elif name == "log":
        from bench.log import run
    else:
        from bench.http import run
    run(report)
    report.write(RESULTS / f"{name}.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
