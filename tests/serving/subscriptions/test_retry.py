from datetime import UTC, datetime, timedelta

from serving.subscriptions.retry import RetryPlan

NOW = datetime(2026, 11, 25, tzinfo=UTC)
PLAN = RetryPlan()


def pause(attempts: int, **given: timedelta) -> timedelta:
    again = PLAN.next_attempt(NOW, attempts, NOW - timedelta(hours=1), **given)
    assert again
    return again - NOW


def test_pauses_double_up_to_the_longest_with_jitter() -> None:
    for attempts, longest in [(1, 5), (2, 10), (5, 80), (11, 3600), (500, 3600)]:
        pauses = [pause(attempts).total_seconds() for _ in range(100)]
        assert longest / 2 <= min(pauses) < max(pauses) <= longest


def test_it_gives_up_when_the_period_is_over_and_not_before() -> None:
    end = NOW + PLAN.period
    last = PLAN.next_attempt(end - timedelta(seconds=1), 100, NOW)
    assert last == end
    assert PLAN.next_attempt(end, 101, NOW) is None


def test_a_receiver_may_ask_for_a_longer_pause_within_bounds() -> None:
    assert pause(1, asked_for=timedelta(minutes=10)) == timedelta(minutes=10)
    assert pause(1, asked_for=timedelta(days=9)) == PLAN.longest
    assert pause(1, asked_for=timedelta(seconds=1)) >= timedelta(seconds=2)
