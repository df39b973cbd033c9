"""Migrations lead to the tables that the code names, and back."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from serving import db


def test_migrations_and_tables_agree_and_a_step_can_be_taken_back(tmp_path: Path) -> None:
    engine = db.open_database(f"sqlite:///{tmp_path / 'fenliu.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(db.__file__).with_name("migrations")))
    with engine.execution_options(write=True).begin() as connection:
        config.attributes["connection"] = connection
        command.check(config)
        command.downgrade(config, "-1")
        command.upgrade(config, "head")
        command.check(config)
    engine.dispose()
