"""The sample data says what the documents promise of it."""

import re
from collections import Counter

from stdnum.dk import cvr
from stdnum.fi import alv

from invoicing_site.demo.home import PROJECT
from invoicing_site.demo.seeds import crowd, history, mobilepay, registers
from invoicing_site.demo.signins import PORTAL_EMAIL, PORTAL_PASSWORD, page
from providers.contract import TakenInvoice
from providers.mobilepay_invoice import taking_in
from providers.mobilepay_invoice.taken_values import NotTaken
from providers.sandbox import portal_seeding

SAMPLE = PROJECT / "docs/samples/mobilepay_invoice.json"


def test_file_to_take_in_has_two_invoices_and_one_that_cannot_be_read():
    one, two, three = taking_in.read(SAMPLE.read_bytes())

    assert isinstance(one, TakenInvoice)
    assert isinstance(two, TakenInvoice)
    assert isinstance(three, NotTaken)
    assert [(each.name, str(each.total)) for each in (one, two)] == [
        ("Mette Kjær", "990.00"),
        ("Villads Toft", "315.00"),
    ]
    assert (three.number, three.field, three.value) == ("2024-000419", "CountryCode", "SE")
    assert str(SAMPLE.relative_to(PROJECT)) in (PROJECT / "README.md").read_text()


def test_every_sample_has_a_key_of_its_own_and_customer_and_articles_that_exist():
    customers = {each.name for each in registers.CUSTOMERS}
    articles = {number for number, *_ in registers.ARTICLES}

    keys = Counter(each.key for each in history.SAMPLES)

    assert [key for key, count in keys.items() if count > 1] == []
    assert {each.customer for each in history.SAMPLES} <= customers
    assert {number for each in history.SAMPLES for number, _ in each.lines} <= articles


def test_nobody_of_the_crowd_is_twice_in_it_or_refused_by_chance():
    numbers = [crowd.phone(n) for n in range(crowd.MOST)]
    names = [crowd.name(n) for n in range(crowd.MOST)]

    assert (len(set(numbers)), len(set(names))) == (50, 50)
    assert [number for number in numbers if re.search(r"[89]10\d{3}$", number)] == []
    assert [number for number in numbers if number.endswith("9999")] == []


def test_sheet_names_the_portal_and_both_apps(tmp_path):
    sheet = page("http://127.0.0.1:8000", seconds=1.0, logs=tmp_path)

    assert PORTAL_PASSWORD == portal_seeding.PASSWORD
    for wanted in (
        PORTAL_EMAIL,
        PORTAL_PASSWORD,
        "http://127.0.0.1:8000/sandbox/phone/",
        "http://127.0.0.1:8000/sandbox/mobilepay/phone/",
        "http://127.0.0.1:8000/sandbox/mobilepay/account/",
    ):
        assert wanted in sheet


def test_no_company_can_have_the_numbers():
    danish, finnish = (vat for _, vat, _, _ in mobilepay.COMPANIES)

    assert (cvr.is_valid(danish), alv.is_valid(finnish)) == (False, False)
