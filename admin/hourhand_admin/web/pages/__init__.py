"""The pages, one module each. Every module here has a `router`, and a `NAV` when the navigation names it.

They are found by themselves.
"""
