"""What a timeline entry and an alert say, by the name of the fact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a fact, its tone (neutral, info, good, warn, bad) and its heroicon."""

    text: _StrOrPromise
    tone: str = "neutral"
    icon: str = "document-text"
    detail: _StrOrPromise = ""


WORDS: dict[str, Words] = {
    "issued": Words(_("Issued as %(number)s, version %(version)s"), icon="check-circle",
                    detail=_("frozen, sha256 %(sha256)s")),
    "queued": Words(_("To be sent by %(road)s"), "info", "clock"),
    "scheduled": Words(_("To be sent by %(road)s at %(send_at)s"), "info", "clock"),
    "dropped": Words(_("Sending by %(road)s was called off before anything left"),
                     icon="no-symbol"),
    "link_offered": Words(_("%(road)s is open on the invoice's page"), "info", "link"),
    "pressed": Words(_("The customer pressed pay: %(road)s"), "info", "cursor-arrow-rays"),
    "returned": Words(_("The customer came back from the app"), icon="arrow-uturn-left"),
    "opened": Words(_("The customer opened the invoice, version %(version)s"), icon="eye"),
    "printed": Words(_("PDF taken out for printing"), icon="printer"),
    "email_queued": Words(_("Email to %(to)s is on its way"), "info", "envelope"),
    "emailed": Words(_("Emailed to %(to)s"), "info", "envelope"),
    "email_failed": Words(_("The email to %(to)s could not be delivered"), "bad",
                          "exclamation-triangle"),
    "handed_over": Words(_("%(provider)s took the payment request"), "info", "paper-airplane"),
    "request_submitted": Words(_("Handed over to %(provider)s; it has not said yet whether it is "
                                 "with the customer"), "info", "paper-airplane"),
    "request_created": Words(_("The payment request is with the customer"), "info",
                             "paper-airplane"),
    "request_accepted": Words(_("The customer approved; the money is not here yet"), "info",
                              "hand-thumb-up"),
    "request_paid": Words(_("Paid"), "good", "check-circle"),
    "request_rejected": Words(_("The customer declined the request"), "warn", "hand-raised",
                              _("The invoice can still be paid: ask again, or send the link")),
    "request_expired": Words(_("The request ran out unanswered"), "warn", "clock",
                             _("Ask again: a new request gets a new reference")),
    "request_cancelled": Words(_("The request was withdrawn"), icon="no-symbol"),
    "request_invalid": Words(_("%(provider)s refused the request: %(meaning)s"), "bad",
                             "exclamation-triangle"),
    "request_unknown": Words(_("No answer from %(provider)s; checking what became of the request"),
                             "warn", "question-mark-circle"),
    "request_refunded": Words(_("Refunded"), "warn", "arrow-uturn-left"),
    "request_partially_refunded": Words(_("Partly refunded"), "warn", "arrow-uturn-left"),
    "request_heard": Words(_("%(provider)s said %(word)s"), icon="chat-bubble-left"),
    "not_found": Words(_("%(provider)s does not know the request; it is sent again with the same "
                         "reference"), "warn", "question-mark-circle"),
    "retry": Words(_("%(provider)s could not take it; trying again at %(due_at)s"), "warn",
                   "arrow-path"),
    "held_quota": Words(_("Held until %(due_at)s: %(meaning)s"), "info", "clock",
                        _("A daily limit of %(provider)s is reached; it is sent by itself")),
    "arrived": Words(_("%(provider)s has the request, but the answer with its number was lost"),
                     "warn", "question-mark-circle",
                     _("It is not sent again. The next message from them names it")),
    "doubtful": Words(_("%(provider)s refuses the repeat: %(meaning)s. Whether the first try "
                        "arrived is not known"), "warn", "question-mark-circle",
                      _("It is not sent again before that is certain")),
    "declared_absent": Words(_("Looked for at %(provider)s and not found: it can be sent again"),
                             icon="no-symbol"),
    "asked_consent": Words(_("Permission to be billed directly asked for"), "info",
                           "chat-bubble-left"),
    "failed_consent": Words(_("Asking for permission was refused: %(meaning)s"), "warn",
                            "exclamation-triangle"),
    "corrected": Words(_("Corrected as version %(version)s: %(reason)s"), "info", "pencil-square",
                       _("frozen, sha256 %(sha256)s")),
    "link_came": Words(_("The link to pay has come"), "info", "link"),
    "held": Words(_("Held: %(provider)s does not accept the account's keys"), "bad",
                  "pause-circle"),
    "asked_cancel": Words(_("Withdrawal asked for: %(reason)s"), icon="no-symbol"),
    "asked_capture": Words(_("Collection of %(currency)s %(amount)s asked for"), "info",
                           "banknotes"),
    "asked_refund": Words(_("Refund of %(currency)s %(amount)s asked for: %(reason)s"), "warn",
                          "arrow-uturn-left"),
    "failed_cancel": Words(_("The withdrawal was refused: %(meaning)s"), "bad",
                           "exclamation-triangle"),
    "failed_capture": Words(_("The collection was refused: %(meaning)s"), "bad",
                            "exclamation-triangle"),
    "failed_refund": Words(_("The refund was refused: %(meaning)s"), "bad",
                           "exclamation-triangle"),
    "money_authorised": Words(_("%(currency)s %(amount)s reserved"), "info", "lock-closed"),
    "money_released": Words(_("%(currency)s %(amount)s of the reservation released"),
                            icon="lock-open"),
    "money_captured": Words(_("%(currency)s %(amount)s collected"), "good", "banknotes"),
    "money_refunded": Words(_("%(currency)s %(amount)s refunded"), "warn", "arrow-uturn-left"),
    "money_received": Words(_("%(currency)s %(amount)s received outside"), "good", "banknotes"),
    "status_paid": Words(_("The invoice is paid"), "good", "check-circle"),
    "status_open": Words(_("The invoice is open again"), "warn", "arrow-path"),
    "status_partially_refunded": Words(_("The invoice is partly refunded"), "warn",
                                       "arrow-uturn-left"),
    "status_refunded": Words(_("The invoice is refunded"), "warn", "arrow-uturn-left"),
    "status_cancelled": Words(_("Cancelled: %(reason)s"), icon="no-symbol"),
    "status_uncollectible": Words(_("Marked uncollectible: %(reason)s"), "bad", "no-symbol"),
    "phone_shared": Words(_("The customer shared the number %(phone)s through %(provider)s"),
                          "good", "phone"),
    "phone_differs": Words(_("The customer shared %(phone)s, which differs from the number on "
                             "file"), "warn", "phone", _("Choose on the customer's page")),
    "alert_resolved": Words(_("Settled: %(resolution)s"), "good", "check-circle"),
}  # fmt: skip

ALERTS: dict[str, Words] = {
    "paid_twice": Words(_("%(currency)s %(amount)s too much was received"), "bad", "banknotes",
                        _("Refund what is too much")),
    "paid_after_cancel": Words(_("%(currency)s %(amount)s was received for a cancelled invoice"),
                               "bad", "banknotes",
                               _("Refund it; where the provider refunds only in its own portal, "
                                 "there")),
    "wrong_money": Words(_("%(amount)s %(currency)s arrived, but the invoice is in %(expected)s"),
                         "bad", "banknotes", _("Compare with the provider's portal")),
    "other_amount": Words(_("%(amount)s %(currency)s was paid, but %(expected)s was asked for"), "bad",
                          "banknotes", _("Compare with the provider's portal")),
    "not_authorised": Words(_("%(provider)s does not accept the account's keys"), "bad",
                            "key", _("Correct the keys on the account's page, then resume")),
    "id_unknown": Words(_("%(provider)s has not told what became of the request"), "warn", "question-mark-circle",
                        _("Look for the invoice in the provider's portal. If it is there, enter its "
                          "id; if it is not, say so, and send it again")),
    "needs_person": Words(_("%(kind)s did not go through after %(tries)s tries: %(meaning)s"),
                          "bad", "exclamation-triangle",
                          _("Look at the timeline, then try again or choose another road")),
    "request_invalid": Words(_("%(provider)s refused the request: %(meaning)s"), "bad",
                             "exclamation-triangle", _("Choose another road")),
    "email_failed": Words(_("The email to %(to)s could not be delivered"), "bad", "envelope",
                          _("Correct the address, or choose another road")),
    "operation_failed": Words(_("%(kind)s was refused: %(meaning)s"), "bad",
                              "exclamation-triangle", _("Look at the timeline")),
    "capture_due": Words(_("The reservation lapses %(capture_before_at)s"), "warn", "clock",
                         _("Collect it")),
}  # fmt: skip
