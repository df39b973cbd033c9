"""A decision answered is a decision stored, whatever happens to process, disk and files."""

import random
import resource
import shutil
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, select

from serving.bundle_watch import OnDisk
from serving.predict.models import decisions
from tests.serving import postgresql
from tests.serving.service_process import Load, ServiceProcess, stored_bodies, stored_ids

KILLS = 20
AWAY_SECONDS = 30
CALL = {"text": "报警人称老板欠三个月工钱不给"}


@pytest.mark.timeout(600)
def test_no_answered_decision_is_lost_when_the_process_is_killed(
    bundle_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "f.db"
    answered: set[str] = set()
    with ServiceProcess(bundle_path, f"sqlite:///{path}") as service:
        for number in range(KILLS):
            if number:
                service.start()
            with Load(service.address, clients=8) as load:
                service.wait_until(lambda load=load: len(load.answered) >= 20)
                time.sleep(random.random() / 5)
                service.kill()
            answered |= {decision["decision_id"] for decision in load.answered}
            assert answered <= stored_ids(path)
    assert len(answered) >= KILLS * 20


def test_requests_under_way_are_answered_when_the_service_stops(
    bundle_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "f.db"
    with ServiceProcess(bundle_path, f"sqlite:///{path}") as service:
        with Load(service.address, clients=8) as load:
            service.wait_until(lambda: len(load.answered) >= 20)
            service.stop()
        bodies = stored_bodies(path)
        assert set(load.statuses) == {200}
        assert {decision["decision_id"] for decision in load.answered} <= set(bodies)


def test_a_full_disk_is_told_and_recovered_from(bundle_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "f.db"
    with ServiceProcess(bundle_path, f"sqlite:///{path}") as service:
        pid = service.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        # A limit on file sizes makes writes fail as a full disk does, and can be lifted again.
        full = (tmp_path / "f.db-wal").stat().st_size + 50_000
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (full, hard))
        with Load(service.address, clients=4) as load:
            service.wait_until(lambda: 503 in load.statuses)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
            refused = len(load.statuses)
            service.wait_until(lambda: 200 in load.statuses[refused:])
        assert set(load.statuses) == {200, 503}
        assert {decision["decision_id"] for decision in load.answered} <= stored_ids(path)
        assert service.ready().status_code == 200


def test_a_bundle_that_changes_on_disk_changes_no_decision(
    bundle_path: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(bundle_path, bundle)
    with ServiceProcess(bundle, f"sqlite:///{tmp_path / 'f.db'}") as service:
        before = service.ready().json()
        assert before["bundle_on_disk"] == OnDisk.IN_FORCE
        with Load(service.address, clients=2) as load:
            (bundle / "weights.npy").write_bytes(b"damaged")
            assert service.ready().json() == before | {"bundle_on_disk": OnDisk.DAMAGED}
            shutil.rmtree(bundle)
            assert service.ready().json()["bundle_on_disk"] == OnDisk.DAMAGED
            shutil.copytree(bundle_path, bundle)
            assert service.ready().json() == before
            seen = len(load.answered)
            service.wait_until(lambda: len(load.answered) > seen + 5)
        assert set(load.statuses) == {200}
        versions = {decision["model_version"] for decision in load.answered}
        assert versions == {before["model_version"]}


@pytest.mark.timeout(180)
def test_a_database_that_goes_for_half_a_minute_and_comes_back(bundle_path: Path) -> None:
    if not postgresql.can_run():
        pytest.skip("as root PostgreSQL runs as `nobody`, who cannot read this checkout")
    with postgresql.server() as server:
        url = server.url.format(name="postgres")
        with ServiceProcess(bundle_path, url) as service, Load(service.address, 4) as load:
            service.wait_until(lambda: len(load.answered) >= 20)
            server.stop()
            gone = time.monotonic()
            service.wait_until(lambda: 503 in load.statuses)
            assert service.ready().status_code == 503
            assert int(service.ready().headers["Retry-After"]) >= 1
            time.sleep(max(0.0, gone + AWAY_SECONDS - time.monotonic()))
            assert httpx.get(f"{service.address}/healthz").status_code == 200
            server.start()
            seen = len(load.answered)
            service.wait_until(lambda: len(load.answered) >= seen + 20)
            assert service.ready().status_code == 200
        assert set(load.statuses) == {200, 503}
        engine = create_engine(url)
        with engine.connect() as connection:
            stored = set(connection.execute(select(decisions.c.decision_id)).scalars())
        engine.dispose()
        assert {decision["decision_id"] for decision in load.answered} <= stored


@pytest.mark.timeout(120)
def test_several_workers_share_one_store(bundle_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "f.db"
    with ServiceProcess(bundle_path, f"sqlite:///{path}", workers=2) as service:
        with Load(service.address, clients=8) as load:
            service.wait_until(lambda: len(load.answered) >= 200)
        assert set(load.statuses) == {200}
        assert {decision["decision_id"] for decision in load.answered} == stored_ids(path)
        service.stop()
