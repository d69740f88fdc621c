"""Consentory: a self-hosted store of consents and communication preferences."""
