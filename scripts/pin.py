"""Take the newest versions of the whole dependency tree and pin them in pyproject.toml.

The lock file itself names the registry it was made from, so it stays out of the repository; the
versions alone go into `[tool.uv] constraint-dependencies`.
"""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
START = "constraint-dependencies = ["


def main() -> None:
    """Renew the pins."""
    head = PROJECT.read_text(encoding="utf-8").partition(START)[0]
    PROJECT.write_text(f"{head}{START}]\n", encoding="utf-8")
    lock = PROJECT.with_name("uv.lock")
    subprocess.run(["uv", "lock", "--upgrade"], cwd=PROJECT.parent, check=True)
    packages = tomllib.loads(lock.read_text(encoding="utf-8"))["package"]
    pins = sorted(_pin(package) for package in packages if "registry" in package["source"])
    lines = "".join(f'    "{pin}",\n' for pin in pins)
    PROJECT.write_text(f"{head}{START}\n{lines}]\n", encoding="utf-8")
    print(f"{len(pins)} packages pinned")


def _pin(package: dict[str, Any]) -> str:
    """One requirement; a package with several versions says for which Python each is."""
    markers = " or ".join(f"({marker})" for marker in package.get("resolution-markers", []))
    return f"{package['name']}=={package['version']}" + (f" ; {markers}" if markers else "")


if __name__ == "__main__":
    main()
