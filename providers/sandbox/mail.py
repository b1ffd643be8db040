"""An email backend that keeps messages in the database, for the mailbox page and for tests."""

from collections.abc import Sequence
from email import message_from_bytes
from email.message import Message
from email.policy import default

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from providers.sandbox.models import Mail


class EmailBackend(BaseEmailBackend):
    """Store each message as it would have been sent.

    Set ``EMAIL_BACKEND = "providers.sandbox.mail.EmailBackend"``.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        rows = [_row(message) for message in email_messages if message.recipients()]
        Mail.objects.bulk_create(rows)
        return len(rows)


def attachments(mail: Mail) -> list[tuple[str, str, bytes]]:
    """List a message's attachments as (file name, content type, bytes)."""
    parsed = message_from_bytes(bytes(mail.source), policy=default)
    found = []
    for part in parsed.walk():
        if part.get_content_disposition() == "attachment":
            payload = part.get_payload(decode=True)
            content = payload if isinstance(payload, bytes) else b""
            found.append((part.get_filename() or "file", part.get_content_type(), content))
    return found


def _row(message: EmailMessage) -> Mail:
    source = message.message().as_bytes()
    parsed = message_from_bytes(source, policy=default)
    return Mail(
        sender=message.from_email or "",
        recipients=message.recipients(),
        subject=" ".join(str(message.subject).split())[:998],
        text=_body(parsed, "text/plain"),
        html=_body(parsed, "text/html"),
        headers={name: str(value) for name, value in parsed.items()},
        source=source,
    )


def _body(parsed: Message, content_type: str) -> str:
    for part in parsed.walk():
        if part.get_content_type() == content_type and not part.get_content_disposition():
            payload = part.get_payload(decode=True)
            charset = part.get_content_charset() or "utf-8"
            return payload.decode(charset, "replace") if isinstance(payload, bytes) else ""
    return ""
