"""Vipps MobilePay ePayment."""
