"""Every documented code in plain words."""

import pytest

from providers import http
from providers.vipps_mobilepay import errors
from providers.vipps_mobilepay.adapter import VippsMobilePay

# As listed in the provider's documentation.
DOCUMENTED = """
3010 4010 4020 4040 4050 4060 4070 4080 4090 4100 4110 4120 4130 4140 4150 4160
5010 5020 5030 5040 5050 5060 5070 5080 5090 5100
6010 6020 6030 6040 6050 6060 6070 6080 6090 6100 6110 6120 6130 6140 6150 6160 6170 6180 6190
6200 6210 6220 6230 6250 6260 6280 7010 10010 10020 10030 10040 10050 10060 10070
""".split()  # noqa: SIM905 -- reads as the table it was taken from


def test_every_documented_code_has_words():
    assert sorted(errors.CODES) == sorted(DOCUMENTED)


@pytest.mark.parametrize("code", DOCUMENTED)
def test_words_are_plain_sentences(code):
    word = VippsMobilePay.error_word(code)

    for text in (str(word.meaning), str(word.remedy)):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "please" not in text.lower()
        assert "!" not in text


def test_only_these_are_worth_another_try():
    retry = {code for code, word in errors.CODES.items() if word.retry}

    assert retry == {"3010", "6160", "6250", "6280"}


def test_code_that_is_not_documented_says_so():
    assert "not in their documentation" in str(VippsMobilePay.error_word("9999").meaning)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"extraDetails": 7}', b"\xff"])
def test_body_that_is_no_problem_is_read_as_an_empty_one(body):
    found = errors.read(http.Answer(400, {}, body))

    assert (found.code, found.field) == ("", "")


def test_status_as_text_and_null_details_are_read():
    body = b'{"status": "400", "extraDetails": null, "title": "Bad", "traceId": "t"}'

    found = errors.read(http.Answer(400, {}, body))

    assert (found.text, found.trace) == ("Bad", "t")
