"""The providers' side of the wire, written from their documentation.

Imports no adapter and nothing of the house but Django, so that it can disagree with us.
"""
