"""The one signal by which facts go up to the invoices."""

from django.dispatch import Signal

# Arguments: account (ProviderAccount), changes (list[StatusChange]), source (Source),
# now (aware datetime), identities (list[Identity]: whose an id is that nobody here has seen).
# Sent inside the caller's transaction, with send(): a receiver that fails rolls the work back and
# the delivery waits for the sweep. The receiver returns the set of references it does not know.
status_change = Signal()
