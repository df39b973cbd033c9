"""Is the bundle on disk still the one that is in force?

The service decides with what it loaded at its start, whatever becomes of the files, and says so.
"""

import logging
from enum import StrEnum
from pathlib import Path

from fenliu.bundle import Bundle, verify_bundle
from fenliu.errors import BundleError

_log = logging.getLogger("fenliu.bundle")


class OnDisk(StrEnum):
    """What lies where the bundle in force was loaded from."""

    IN_FORCE = "in_force"
    REPLACED = "replaced"
    DAMAGED = "damaged"


class BundleWatch:
    """Looks at the files of one loaded bundle; they are read only when they have changed."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._seen = _signature(bundle.path)
        self._state = OnDisk.IN_FORCE

    def look(self) -> OnDisk:
        """The state now; a change is logged once."""
        signature = _signature(self._bundle.path)
        if signature != self._seen:
            self._seen = signature
            self._state = self._judge()
            _log.warning("bundle on disk: %s; serving %s", self._state, self._bundle.model_version)
        return self._state

    def _judge(self) -> OnDisk:
        try:
            manifest = verify_bundle(self._bundle.path)
        except BundleError:
            return OnDisk.DAMAGED
        loaded = (self._bundle.model_version, self._bundle.policy_version)
        found = (manifest.get("model_version"), manifest.get("policy_version"))
        return OnDisk.IN_FORCE if loaded == found else OnDisk.REPLACED


def _signature(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of the files; empty where the folder is gone."""
    try:
        files = [(file.name, file.stat()) for file in sorted(path.iterdir())]
    except OSError:
        return ()
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in files)
