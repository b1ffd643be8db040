"""Sample data. Everything is made by the same operations that staff and customers use.

Each function can be called again: what is there already is left as it is.
"""
