"""The arrows between the packages, and what the serving process may load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from fenliu.paths import HOME

ALLOWED = {
    "fenliu": {"fenliu"},
    "serving": {"serving", "fenliu"},
    "training": {"training", "fenliu"},
}
# numba loads a little of scipy where it is installed; its large parts stay out.
SCIPY = ("scipy.stats", "scipy.sparse", "scipy.optimize")
HEAVY = (*SCIPY, "sklearn", "pandas", "mlflow", "joblib", "jieba", "matplotlib", "training")
# FastAPI itself loads OpenTelemetry's interface; what collects and sends is loaded only on wish.
ON_WISH = ("opentelemetry.sdk", "opentelemetry.exporter")


def imports_at_top(path: Path) -> set[str]:
    """Packages that a module imports when it is loaded; those within functions do not count."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_arrows_go_one_way(package: str) -> None:
    for path in (HOME / package).rglob("*.py"):
        ours = imports_at_top(path) & set(ALLOWED)
        assert ours <= ALLOWED[package], path


def test_the_core_needs_neither_training_nor_web_libraries() -> None:
    allowed = {"numpy", "numba", "msgspec", "rjieba", "opencc", "yaml", "fenliu", "rich", "typer"}
    for path in (HOME / "fenliu").rglob("*.py"):
        foreign = imports_at_top(path) - set(sys.stdlib_module_names)
        assert foreign <= allowed, path


def test_the_serving_process_loads_no_training_library(bundle_path: Path, tmp_path: Path) -> None:
    program = f"""
import sys
from fastapi.testclient import TestClient
from serving.app import create_app
from serving.settings import Settings
settings = Settings(bundle={str(bundle_path)!r}, database_url="sqlite:///{tmp_path}/f.db")
with TestClient(create_app(settings)) as client:
    assert client.post("/v1/predict", json={{"text": "电瓶车被偷"}}).status_code == 200
    assert client.get("/metrics").status_code == 200
print([name for name in {HEAVY + ON_WISH!r} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=HOME, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
