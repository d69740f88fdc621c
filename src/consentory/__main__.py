"""`python -m consentory` is the `consentory` command."""

from consentory.cli.entry_point import main

main()
