"""Vipps MobilePay ePayment, webhooks, userinfo and order management, as documented."""
