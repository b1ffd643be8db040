"""Adapters one by one, and the calls they stand on."""
