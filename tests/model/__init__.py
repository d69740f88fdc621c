"""The model: an independent, slow model of the effect of execution on profiles. See README.md here."""
