"""When the adapter wants to ask: the safety net under callbacks."""

import itertools
import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from providers.contract import RequestState
from providers.mobilepay_invoice import asking
from tests.providers.mobilepay_samples import NOW, asked

ZONE = ZoneInfo("Europe/Copenhagen")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PENDING = {"contact_consent": {"id": "e0", "state": "pending", "asked_at": NOW.isoformat()}}


def when(now: datetime, state: RequestState, **changes: object) -> datetime | None:
    return asking.next_time(asked(state, **changes), now, ZONE)


def followed(state: RequestState, until: datetime, **changes: object) -> list[timedelta]:
    """Every time that is asked until then, as distances from creation."""
    found, now = [], NOW
    while (at := when(now, state, **changes)) and at <= until:
        found.append(at - NOW)
        now = at
    return found


@pytest.mark.requirement("M4-77")
@pytest.mark.parametrize(
    ("state", "facts"),
    [
        (RequestState.SUBMITTED, {}),
        (RequestState.UNKNOWN, {}),
        (RequestState.CREATED, {"waits_for_link": True}),
    ],
)
def test_what_was_only_handed_over_is_asked_about_soon_then_daily(state, facts):
    times = followed(state, NOW + 3 * DAY, facts=facts)

    assert times[:3] == [2 * MINUTE, 10 * MINUTE, HOUR]
    assert all(HOUR < gap <= DAY for gap in (times[3] - times[2], times[4] - times[3]))


@pytest.mark.requirement("M4-77")
def test_delivered_request_is_asked_about_once_a_day():
    times = followed(RequestState.CREATED, NOW + 10 * DAY)

    assert len(times) == 10
    assert {later - sooner for sooner, later in itertools.pairwise(times)} == {DAY}


def test_batch_is_not_asked_about_in_one_minute():
    times = [when(NOW, RequestState.CREATED, handle=str(uuid.UUID(int=n))) for n in range(200)]

    per_hour = {at.replace(minute=0, second=0) for at in times if at}
    assert len(per_hour) > 20
    assert all(NOW < at <= NOW + DAY for at in times if at)


@pytest.mark.requirement("M4-73")
def test_scheduled_payment_is_asked_about_hourly_from_its_day_on():
    facts = {"payment_date": "2026-11-25"}
    begin = datetime(2026, 11, 25, tzinfo=ZONE)

    before = when(begin - 3 * DAY, RequestState.ACCEPTED, facts=facts)
    eve = when(begin - MINUTE, RequestState.ACCEPTED, facts=facts)
    after = when(begin + 5 * HOUR, RequestState.ACCEPTED, facts=facts)

    assert before
    assert before <= begin - 2 * DAY
    assert eve
    assert begin <= eve <= begin + HOUR
    assert after
    assert after <= begin + 6 * HOUR


@pytest.mark.parametrize("facts", [{}, {"payment_date": "soon"}, {"payment_date": None}])
def test_approved_without_a_date_is_asked_about_daily(facts):
    assert len(followed(RequestState.ACCEPTED, NOW + 5 * DAY, facts=facts)) == 5


@pytest.mark.requirement("M4-39", "M4-70")
def test_it_is_asked_once_just_after_it_should_have_expired():
    expires = NOW + timedelta(days=5, hours=1, seconds=7)

    times = followed(RequestState.CREATED, NOW + 9 * DAY, expires_at=expires)

    assert expires + DAY - NOW in times
    assert len(times) == 10


def test_contact_consent_is_asked_about_for_a_month_after_payment():
    paid_at = NOW + 2 * DAY
    facts = PENDING | {"paid_at": paid_at.isoformat()}

    first = when(paid_at, RequestState.PAID, facts=facts)
    times = followed(RequestState.PAID, NOW + 90 * DAY, facts=facts)

    assert first == paid_at + MINUTE
    assert timedelta(days=30) < times[-1] <= timedelta(days=33)


@pytest.mark.parametrize("state", ["granted", "denied"])
def test_answered_consent_is_asked_about_no_more(state):
    facts = {"contact_consent": PENDING["contact_consent"] | {"state": state}}

    assert when(NOW, RequestState.PAID, facts=facts) is None


@pytest.mark.parametrize(
    "state",
    [
        RequestState.PAID,
        RequestState.REJECTED,
        RequestState.EXPIRED,
        RequestState.CANCELLED,
        RequestState.INVALID,
    ],
)
def test_what_is_over_is_never_asked_about(state):
    assert when(NOW, state) is None
