"""Vipps MobilePay ePayment. See README.md for its facts."""
