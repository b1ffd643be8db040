from providers.sandbox.models.common import Call, Clock, Delivery, Fault, Mail, Subscription
from providers.sandbox.models.vipps import (
    Image,
    Link,
    Payment,
    PaymentEvent,
    PhoneUser,
    Receipt,
    Replay,
    SalesUnit,
)

__all__ = [
    "Call",
    "Clock",
    "Delivery",
    "Fault",
    "Image",
    "Link",
    "Mail",
    "Payment",
    "PaymentEvent",
    "PhoneUser",
    "Receipt",
    "Replay",
    "SalesUnit",
    "Subscription",
]
