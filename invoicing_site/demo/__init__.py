"""The whole product on one machine, with sample data: `make demo` and `make smoke`.

These modules start processes and read no settings: the settings are read by what they start.
"""
