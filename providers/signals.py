"""The one signal by which facts go up to the invoices."""

from django.dispatch import Signal

# Arguments: account (ProviderAccount), changes (list[StatusChange]), source (Source),
# now (aware datetime). Sent inside the caller's transaction, with send(): a receiver that fails
# rolls the work back and the delivery waits for the sweep.
status_change = Signal()


class UnknownReference(Exception):
    """A fact about a reference that nobody here knows, yet or at all."""
