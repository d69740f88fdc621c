"""`python -m consentory` is the `consentory` command."""

from consentory.cli.main import app

app()
