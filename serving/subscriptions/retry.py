"""When a delivery that failed is tried again."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Pauses that double from `first` to `longest`, until `period` has passed."""

    period: timedelta = timedelta(days=3)
    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(hours=1)

    def next_attempt(
        self,
        now: datetime,
        attempts: int,
        retrying_since: datetime,
        asked_for: timedelta = timedelta(),
    ) -> datetime | None:
        """When to try again after `attempts` failures, or None when it is time to give up.

        The last attempt is made when the period ends. A receiver may ask for a longer pause, but
        not for one beyond `longest`.
        """
        end = retrying_since + self.period
        if now >= end:
            return None
        doubled = self.first * 2.0 ** min(attempts - 1, 40)
        # Jitter keeps deliveries that failed together from coming back together.
        pause = min(doubled, self.longest) * random.uniform(0.5, 1.0)  # noqa: S311
        return min(now + max(pause, min(asked_for, self.longest)), end)
