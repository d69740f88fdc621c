"""The Python client of `consentory import`, which other programs may use as well.

It calls the server over HTTP, and does not know the server's code.
"""
