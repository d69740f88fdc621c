"""Commands that run the server: up, serve, worker, migrate.

Each command imports its modules when it runs. So the commands of a client start in half the time.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consentory.config import (
    DATA_FOLDER,
    SETTINGS,
    check_settings,
    load_number,
    load_setting,
    load_switch,
    require_setting,
)
from consentory.terminal.error_exit import exit_on_error
from consentory.terminal.setting_options import (
    BasePathOption,
    CertOption,
    DatabaseOption,
    DataOption,
    HostOption,
    InsecureOption,
    KeyOption,
    PortOption,
    ProcessesOption,
    SecretFileOption,
    WorkersOption,
)

if TYPE_CHECKING:
    from consentory.bootstrap.endpoint import Endpoint


_OF_THE_CHILDREN: dict[str, None] = {"trusted_proxies": None, "max_staged_gigabytes": None}
"""Settings without a flag. The processes of a server read them, so a wrong one is reported before they start."""


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(up)
    app.command()(serve)
    app.command()(worker)
    app.command()(migrate)


@exit_on_error
def up(
    *,
    data: DataOption = None,
    host: HostOption = None,
    port: PortOption = None,
    workers: WorkersOption = None,
    tls_cert: CertOption = None,
    tls_key: KeyOption = None,
    insecure_http: InsecureOption = None,
    secret_key_file: SecretFileOption = None,
    processes: ProcessesOption = None,
    base_path: BasePathOption = None,
) -> None:
    """Run everything on this machine: database, API and workers. Nothing else has to be installed.

    Example: consentory up --data ./consentory-data --port 8480
    """
    from consentory.bootstrap.process_setup import ended_by_signals

    check_settings(
        port=port,
        processes=processes,
        workers=workers,
        base_path=base_path,
        insecure_http=insecure_http,
        **_OF_THE_CHILDREN,
    )
    with ended_by_signals():
        from consentory.bootstrap.logs import configure_logs
        from consentory.bootstrap.process_tree import ProcessTree
        from consentory.bootstrap.secret_keys import name_secret_key_file

        configure_logs()
        name_secret_key_file(secret_key_file)
        tree = ProcessTree(
            Path(data or load_setting("data") or DATA_FOLDER),
            _read_endpoint(host, port, tls_cert, tls_key, insecure_http),
            load_number("processes", processes),
            load_number("workers", workers),
            require_setting("base_path", base_path),
        )
        tree.run(lambda url: typer.echo(f"Consentory is up: {url}\nThe console: {url}/console"))


@exit_on_error
def serve(
    *,
    database_url: DatabaseOption = None,
    host: HostOption = None,
    port: PortOption = None,
    tls_cert: CertOption = None,
    tls_key: KeyOption = None,
    insecure_http: InsecureOption = None,
    secret_key_file: SecretFileOption = None,
    processes: ProcessesOption = None,
    base_path: BasePathOption = None,
) -> None:
    """Serve the HTTP API over a PostgreSQL server (15 or newer).

    Example: consentory serve --database-url postgresql://consentory@db.example/consentory
    """
    from consentory.bootstrap.logs import configure_logs
    from consentory.bootstrap.process_entry import run_server
    from consentory.bootstrap.secret_keys import name_secret_key_file, name_sources

    check_settings(
        database_url=database_url,
        port=port,
        processes=processes,
        base_path=base_path,
        insecure_http=insecure_http,
        **_OF_THE_CHILDREN,
    )
    name_secret_key_file(secret_key_file)
    os.environ[SETTINGS["database_url"].variable] = require_setting("database_url", database_url)
    configure_logs()
    run_server(
        _read_endpoint(host, port, tls_cert, tls_key, insecure_http),
        load_number("processes", processes),
        require_setting("base_path", base_path),
        lambda url: typer.echo(f"Consentory is up: {url}\nIts secret key comes from {name_sources()}."),
    )


@exit_on_error
def worker(database_url: DatabaseOption = None) -> None:
    """Execute imports of a PostgreSQL server. You can run any number of workers, on any number of machines.

    Example: consentory worker --database-url postgresql://consentory@db.example/consentory
    """
    from consentory.bootstrap.logs import configure_logs
    from consentory.bootstrap.process_entry import run_worker

    configure_logs()
    run_worker(require_setting("database_url", database_url))


@exit_on_error
def migrate(
    database_url: DatabaseOption = None,
    *,
    distribute: Annotated[bool, typer.Option("--distribute", help="Spread the tables over a Citus cluster.")] = False,
    shards: Annotated[
        int, typer.Option("--shards", min=1, max=512, help="Parts of each table, for the first --distribute.")
    ] = 32,
) -> None:
    """Bring the schema of a PostgreSQL server up to date. You can run the command again.

    Example: consentory migrate --database-url postgresql://owner@db.example/consentory
    """
    from consentory.bootstrap import composition

    conninfo = require_setting("database_url", database_url)
    done = composition.migrate_schema(conninfo)
    typer.echo(f"applied: {', '.join(done)}" if done else "The schema is up to date.")
    if distribute:
        composition.distribute_tables(conninfo, shards, typer.echo)
        typer.echo("The tables are distributed.")


def _read_endpoint(
    host: str | None, port: str | None, tls_cert: Path | None, tls_key: Path | None, insecure_http: bool | None
) -> Endpoint:
    from consentory.bootstrap.endpoint import choose_endpoint

    return choose_endpoint(
        require_setting("host", host),
        load_number("port", port),
        load_setting("tls_cert", _text(tls_cert)),
        load_setting("tls_key", _text(tls_key)),
        insecure_http=load_switch("insecure_http", insecure_http),
    )


def _text(value: Path | None) -> str | None:
    return None if value is None else str(value)
