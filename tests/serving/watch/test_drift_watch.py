"""Drift of decisions that a service has really stored."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from fenliu.drift import MINIMUM
from fenliu.paths import HOME
from serving.app import create_app
from serving.settings import Settings
from serving.watch.drift_command import print_drift
from tests.serving.watch.running import Start, wait_for
from tests.serving.watch.test_metrics import value
from training.priors import read_priors, realistic_sample
from training.rows import read_rows
from training.stages import Workspace

QUARREL = "和邻居因为公共楼道堆放杂物的事情吵起来了，对方态度特别不好，希望派人过来协调处理一下"


@pytest.fixture(scope="session")
def usual(small_workspace: Workspace) -> list[str]:
    """Narratives such as the model's profile was made of, as often as in life."""
    rows = read_rows(small_workspace.stages / "calibration.jsonl")
    priors = read_priors(small_workspace.data / "priors.yaml", small_workspace.taxonomy)
    sample = [rows[place].text for place in realistic_sample(rows, priors, 7)]
    return (sample * (1 + 2 * MINIMUM // len(sample)))[: 2 * MINIMUM]


def decide(settings: Settings, texts: Sequence[str]) -> None:
    with TestClient(create_app(settings)) as client:
        for first in range(0, len(texts), 1000):
            calls = [{"text": text} for text in texts[first : first + 1000]]
            answer = client.post("/v1/predict/batch", json={"calls": calls})
            assert answer.status_code == 200


def drift(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from fenliu.cli import main; main()", "drift", *arguments],
        env=os.environ
        | {
            "FENLIU_BUNDLE": str(settings.bundle),
            "FENLIU_DATABASE_URL": settings.database_url,
            "COLUMNS": "120",
        },
        cwd=HOME,
        capture_output=True,
        text=True,
        check=False,
    )


def database(settings: Settings) -> sqlite3.Connection:
    return sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))


def test_calls_as_usual_are_stable(settings: Settings, usual: list[str]) -> None:
    decide(settings, usual)
    done = drift(settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1000 decisions of 7 days" in done.stdout
    for shown in ("length of the text", "unknown words", "category", "action", "Siddiqi"):
        assert shown in done.stdout
    assert "drifted " not in done.stdout.replace("drifted, certify", "")


def test_calls_of_another_kind_are_drift_and_exit_code_1(settings: Settings) -> None:
    decide(settings, [f"{QUARREL}{number}" for number in range(MINIMUM)])
    done = drift(settings, "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["state"] == "drifted"
    assert report["compared"] == report["decisions"] == MINIMUM
    category = report["inputs"]["category"]
    assert category["state"] == "drifted"
    assert category["observed_share"] > 0.9 > category["expected_share"]
    assert report["inputs"]["length"]["psi"] > 0.25
    assert report["thresholds"]["drifted"] == 0.25
    assert QUARREL[:6] not in done.stdout
    assert drift(settings).returncode == 1


def test_too_few_decisions_are_no_alarm(settings: Settings) -> None:
    decide(settings, [QUARREL] * (MINIMUM - 1))
    done = drift(settings)
    assert done.returncode == 0
    assert f"{MINIMUM - 1} decisions of 7 days are too few" in done.stdout
    assert json.loads(drift(settings, "--json").stdout)["state"] == "too_few"


def test_only_recent_decisions_of_the_model_in_force_count(settings: Settings) -> None:
    decide(settings, [QUARREL] * 30)
    with database(settings) as connection:
        connection.execute("UPDATE decisions SET model_version = 'm-0' WHERE id <= 10")
        connection.execute(
            "UPDATE decisions SET decided_at = datetime('now', '-10 days') WHERE id > 25"
        )
    week = json.loads(drift(settings, "--json").stdout)
    assert (week["decisions"], week["decisions_of_other_versions"]) == (15, 10)
    assert json.loads(drift(settings, "--json", "--days", "11").stdout)["decisions"] == 20
    assert "10 decisions of other models or policies are left out" in drift(settings).stdout


def test_of_very_many_decisions_a_part_is_compared(
    settings: Settings,
    usual: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    decide(settings, usual)
    monkeypatch.setattr("serving.watch.drift._SAMPLE", 600)
    assert print_drift(settings, 7, as_json=False) == 0
    assert "500 of 1000 decisions of 7 days" in capsys.readouterr().out


def test_a_bundle_without_a_profile_is_one_clear_line(settings: Settings, tmp_path: Path) -> None:
    old = settings.model_copy(update={"bundle": old_bundle(settings.bundle, tmp_path)})
    done = drift(old)
    assert done.returncode == 2
    assert "has no profile" in done.stderr
    assert "uv run dvc repro" in done.stderr
    assert done.stderr.count("\n") == 1


def old_bundle(bundle: Path, folder: Path) -> Path:
    copy = shutil.copytree(bundle, folder / "old")
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    del manifest["profile"]
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return copy


@pytest.mark.parametrize("days", ["0", "-1", "week", "100000000000"])
def test_a_wrong_number_of_days_is_refused(settings: Settings, days: str) -> None:
    done = drift(settings, "--days", days)
    assert done.returncode == 2
    assert "--days" in done.stderr


def test_the_service_shows_drift_and_answers_meanwhile(start: Start, settings: Settings) -> None:
    decide(settings, [f"{QUARREL}{number}" for number in range(MINIMUM)])
    service = start(FENLIU_DRIFT_SECONDS="0.5", FENLIU_DATABASE_URL=settings.database_url)
    wait_for(lambda: value(service.metrics(), "fenliu_drift_decisions") == MINIMUM)
    text = service.metrics()
    assert value(text, "fenliu_drift_psi", input="category") > 0.25
    assert value(text, "fenliu_drift_computed_timestamp_seconds") > 1.7e9
    service.post(QUARREL)
    wait_for(lambda: value(service.metrics(), "fenliu_drift_decisions") == MINIMUM + 1)
    service.stop()
    line = service.events("drift")[-1]
    assert (line["level"], line["state"]) == ("warning", "drifted")
    assert line["category"] > 0.25
    assert QUARREL[:6] not in service.written()


def test_too_few_decisions_are_no_number(start: Start) -> None:
    service = start()
    wait_for(lambda: 'fenliu_drift_psi{input="length"} NaN' in service.metrics())
    assert value(service.metrics(), "fenliu_drift_decisions") == 0


def test_a_service_with_an_old_bundle_works_and_says_why_there_is_no_drift(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    service = start(FENLIU_BUNDLE=str(old_bundle(settings.bundle, tmp_path)))
    assert service.post("吵架").status_code == 200
    (line,) = wait_for(lambda: service.events("drift_unknown"))
    assert "has no profile" in line["reason"]
    assert "fenliu_drift_psi{" not in service.metrics()


def test_it_can_be_switched_off(start: Start) -> None:
    service = start(FENLIU_DRIFT_SECONDS="0")
    assert service.post("吵架").status_code == 200
    service.stop()
    assert service.events("drift") == []


def test_a_lost_store_is_logged_and_tried_again(start: Start, tmp_path: Path) -> None:
    service = start(FENLIU_DRIFT_SECONDS="0.2")
    with sqlite3.connect(tmp_path / "fenliu.db") as connection:
        connection.execute("ALTER TABLE decisions RENAME TO gone")
    wait_for(lambda: service.events("drift_failed"))
    with sqlite3.connect(tmp_path / "fenliu.db") as connection:
        connection.execute("ALTER TABLE gone RENAME TO decisions")
    seen = len(service.events("drift"))
    wait_for(lambda: len(service.events("drift")) > seen)
