"""The simulated MobilePay Invoice's remote control, as JSON: for tests, the demo, curious people.

Members are named as the model's fields are, except ids: ``invoiceId``, ``merchantId``.
"""

from functools import partial
from typing import Any

from django.utils.dateparse import parse_date

from providers.sandbox import clock, control, outbox
from providers.sandbox.control import Json, Wrong
from providers.sandbox.mobilepay import callbacks, consumers, crowd, expiry, ledger, switches
from providers.sandbox.mobilepay.callbacks import PROVIDER, Manner
from providers.sandbox.models import AppInvoice, DirectConsent, Fault, PortalMerchant

# What of a merchant may be changed from outside.
SWITCHES = {
    "name",
    "profile",
    "cap",
    "per_payer_daily",
    "per_issuer_daily",
    "issuer_list_available",
    "validation_delay",
}
OFF = {"provider": PROVIDER, "endpoint": callbacks.EVENT, "kind": Fault.Kind.WEBHOOK_DROPPED}

set_fault = partial(control.set_fault, provider=PROVIDER)
list_faults = partial(control.list_faults, provider=PROVIDER)
clear_faults = partial(control.clear_faults, provider=PROVIDER)
calls = partial(control.calls, provider=PROVIDER, account="merchantId")
read_clock = control.read_clock


def accept(given: Json) -> Json:
    """Schedule: ``invoiceId``, ``paymentDate`` (the due date unless given), ``phone``."""
    invoice = _invoice(given)
    day = _day(given.get("paymentDate"))
    return _after(consumers.accept(invoice.pk, day, phone=str(given.get("phone", ""))))


def pay(given: Json) -> Json:
    """Pay now: ``invoiceId``, and for a link the ``phone`` (E.164) it is opened on."""
    return _after(consumers.pay(_invoice(given).pk, phone=str(given.get("phone", ""))))


def reject(given: Json) -> Json:
    return _after(consumers.reject(_invoice(given).pk))


def card_error(given: Json) -> Json:
    """Try with a card that is refused: nothing changes."""
    return _after(consumers.card_error(_invoice(given).pk)) | {"said": consumers.CARD_FAILED}


def consent(given: Json) -> Json:
    """Answer the question on a link: ``invoiceId``, ``granted``, ``phone`` for an unopened one."""
    invoice = _invoice(given)
    if phone := str(given.get("phone", "")):
        AppInvoice.objects.filter(pk=invoice.pk).update(alias=phone)
    question = DirectConsent.objects.get(invoice=invoice)
    answered = consumers.answer(question, granted=_truth(given, "granted"))
    return {
        "consentId": str(answered.consent_id),
        "state": answered.state,
        "phone": answered.phone,
    }


def push_clock(given: Json) -> Json:
    """Push by ``seconds``, or ``to`` an ISO moment; what is due happens at once."""
    moved = control.push_clock(given)
    outbox.nudge()
    return moved


def deliver(given: Json) -> Json:
    """Validate, charge, expire, gather callbacks, post what is due.

    With ``size``, ``seed``, ``copies`` or ``lost`` the gathering is done in that manner: arrays
    of ``size``, shuffled by ``seed``, every item ``copies`` times, a share ``lost``.
    """
    now = clock.now()
    changed = expiry.tick(now)
    written = callbacks.collect(now, _manner(given))
    return {"changed": changed, "callbacks": written, "delivered": outbox.deliver_due()}


def read_ledger(given: Json) -> Json:
    return ledger.read(
        merchant_id=str(given.get("merchantId", "")),
        after=int(given.get("after", 0)),
        limit=min(int(given.get("limit", 500)), 2000),
    )


def list_callbacks(given: Json) -> Json:
    rows = ledger.callbacks(
        merchant_id=str(given.get("merchantId", "")), invoice_id=str(given.get("invoiceId", ""))
    )
    return {"callbacks": rows}


def merchant(given: Json) -> Json:
    """Change a merchant: ``merchantId`` or ``vat_number``, its switches, ``callbacks`` on or off."""
    found = _merchant(given)
    changes = {name: given[name] for name in SWITCHES & set(given)}
    known = SWITCHES | switches.NAMES | {"merchantId", "vat_number", "callbacks"}
    if strangers := set(given) - known:
        raise Wrong(f"Unknown: {', '.join(sorted(strangers))}. Known: {sorted(known)}.")
    for name, value in changes.items():
        setattr(found, name, value)
    found.full_clean()
    found.save(update_fields=sorted(changes))
    for name in sorted(switches.NAMES & set(given)):
        switches.turn(found, name, on=_truth(given, name))
    if "callbacks" in given:
        _switch_callbacks(found, on=_truth(given, "callbacks"))
    return _described(PortalMerchant.objects.get(pk=found.pk))


def bulk(given: Json) -> Json:
    """Let thousands act: ``merchantId``, ``share_paid``, ``share_rejected``, ``share_accepted``,
    ``seed``.
    """
    shares = crowd.Shares(
        **{
            name: float(given.get(f"share_{name}", 0.0))
            for name in ("paid", "rejected", "accepted")
        }
    )
    found = _merchant(given)
    seed = int(given.get("seed", 1))
    expiry.tick(clock.now())
    return crowd.act(str(found.merchant_id), shares, seed=seed, now=clock.now())


def _invoice(given: Json) -> AppInvoice:
    if not given.get("invoiceId"):
        raise Wrong("Say which invoice: invoiceId.")
    expiry.tick(clock.now())
    return consumers.find(str(given["invoiceId"]))


def _merchant(given: Json) -> PortalMerchant:
    if given.get("merchantId"):
        return PortalMerchant.objects.get(merchant_id=str(given["merchantId"]))
    if given.get("vat_number"):
        return PortalMerchant.objects.get(vat_number=str(given["vat_number"]))
    raise Wrong("Say which merchant: merchantId or vat_number.")


def _after(invoice: AppInvoice) -> Json:
    return ledger.describe(consumers.find(str(invoice.invoice_id)))


def _described(found: PortalMerchant) -> Json:
    on = switches.of(found)
    is_off = Fault.objects.filter(account=str(found.merchant_id), **OFF).exclude(remaining=0)
    return {
        "merchantId": str(found.merchant_id),
        "vat_number": found.vat_number,
        "callbacks": not is_off.exists(),
        "callback_url": found.callback_url,
        "callback_scheme": found.callback_scheme,
        **{name: _plain(getattr(found, name)) for name in sorted(SWITCHES)},
        **{name: name in on for name in sorted(switches.NAMES)},
    }


def _switch_callbacks(found: PortalMerchant, *, on: bool) -> None:
    faults = Fault.objects.filter(account=str(found.merchant_id), **OFF)
    faults.delete()
    if not on:
        Fault.objects.create(account=str(found.merchant_id), **OFF)


def _manner(given: Json) -> Manner:
    seed = given.get("seed")
    size, copies = int(given.get("size", callbacks.MOST)), int(given.get("copies", 1))
    if size < 1 or copies < 1:
        raise Wrong("size and copies must be at least 1.")
    return Manner(
        size=size,
        copies=copies,
        seed=None if seed is None else int(seed),
        lost=float(given.get("lost", 0.0)),
    )


def _truth(given: Json, name: str) -> bool:
    if not isinstance(given.get(name), bool):
        raise Wrong(f"{name} must be true or false.")
    return bool(given[name])


def _day(value: Any) -> Any:
    if value in {None, ""}:
        return None
    day = parse_date(str(value))
    if day is None:
        raise Wrong(f"paymentDate must be a date, like 2026-11-30, not {value!r}.")
    return day


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | str | bool) else str(value)
