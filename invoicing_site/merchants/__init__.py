"""Merchants, their issuers and staff: the ground that every other app may import."""
