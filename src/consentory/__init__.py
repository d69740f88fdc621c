"""Consentory: a self-hosted store of consents and communication preferences."""

__version__ = "0.1.0"
