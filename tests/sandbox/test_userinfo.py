"""Sharing the phone number. V-36, V-40, V-41."""

import pytest

from providers.sandbox import seeding

from .conftest import new_reference

SCOPE = {"profile": {"scope": "phoneNumber"}}


def shared(api) -> str:
    reference = new_reference()
    api.create(reference=reference, **SCOPE)
    api.control("share", reference=reference, phoneNumber="4799887766")
    return reference


def test_sub_and_details_come_a_moment_late(api):
    reference = shared(api)

    early = api.payment(reference)
    api.control("clock", seconds=2)
    later = api.payment(reference)

    assert (early["state"], early["profile"]) == ("AUTHORIZED", {})
    assert "userDetails" not in early
    assert len(later["profile"]["sub"]) == 36
    assert later["userDetails"] == {"mobileNumber": "4799887766"}


@pytest.mark.parametrize(("style", "value"), [("null", None), ("empty", "")])
def test_ungranted_details_may_be_null_or_empty(api, style, value):
    seeding.sales_unit(ungranted=style, sub_delay=0)

    details = api.payment(shared(api))["userDetails"]

    assert details["mobileNumber"] == "4799887766"
    assert details["firstName"] == value


def test_no_scope_shares_nothing(api):
    payment = api.payment(api.approved())

    assert payment["profile"] == {}
    assert "userDetails" not in payment


def test_userinfo_gives_only_the_granted_claims_for_168_hours(api):
    reference = shared(api)
    api.control("clock", seconds=2)
    sub = api.payment(reference)["profile"]["sub"]

    fresh = api.get(f"/vipps-userinfo-api/userinfo/{sub}").json()
    api.control("clock", seconds=168 * 3600)
    api.fetch_token()
    stale = api.get(f"/vipps-userinfo-api/userinfo/{sub}").json()

    assert fresh == {
        "sub": sub,
        "sid": "",
        "phone_number": "4799887766",
        "phone_number_verified": True,
    }
    assert stale["phone_number"] == "[Expired]"


def test_unknown_sub_is_refused_in_userinfos_own_shape(api):
    answer = api.get("/vipps-userinfo-api/userinfo/c06c4afe-d9e1-4c5d-939a-177d752a0944")

    assert answer.status_code == 404
    assert {"type", "title", "status", "detail", "instance", "extraInfo"} == set(answer.json())


def test_sub_is_stable_per_sales_unit(api, client):
    api.control("clock", seconds=1)
    references = [shared(api), shared(api)]
    api.control("clock", seconds=2)

    subs = {api.payment(reference)["profile"]["sub"] for reference in references}

    assert len(subs) == 1
