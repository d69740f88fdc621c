"""The judge: an independent, slow model of what execution does to the profiles. See README.md here."""
