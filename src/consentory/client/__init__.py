"""The Python client: what `consentory import` uses, and what another program may use just as well.

Everything goes over HTTP; nothing here knows the server's code.
"""
