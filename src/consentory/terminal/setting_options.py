"""The options of settings. Their flags and help texts come from the table of settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from consentory.config import SETTINGS


def describe_option(name: str, panel: str | None = None) -> Any:
    """The option of a setting, for typer. `panel`: the heading above it."""
    setting = SETTINGS[name]
    return typer.Option(setting.flag, help=setting.help_line, show_default=False, rich_help_panel=panel)


AccountOption = Annotated[str | None, describe_option("account")]
BasePathOption = Annotated[str | None, describe_option("base_path")]
CertOption = Annotated[Path | None, describe_option("tls_cert")]
DataOption = Annotated[Path | None, describe_option("data")]
DatabaseOption = Annotated[str | None, describe_option("database_url")]
HostOption = Annotated[str | None, describe_option("host")]
InsecureOption = Annotated[bool | None, describe_option("insecure_http")]
KeyOption = Annotated[Path | None, describe_option("tls_key")]
PortOption = Annotated[str | None, describe_option("port")]
ProcessesOption = Annotated[str | None, describe_option("processes")]
SecretFileOption = Annotated[Path | None, describe_option("secret_key_file")]
WorkersOption = Annotated[str | None, describe_option("workers")]

JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, for programs.")]
