"""`python -m consentory.bootstrap.stage_entry SOCKET`: a stage process, as its server process starts it."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection

from consentory.bootstrap.composition import DATABASE_VARIABLE, open_services
from consentory.bootstrap.logs import configure_logs
from consentory.bootstrap.process_tree import calm_collector, die_with_parent, return_memory
from consentory.bootstrap.secret_keys import SECRET_VARIABLE
from consentory.services.stage_processes import StageProcesses, serve_calls


def open_stage_processes() -> StageProcesses:
    """The stage processes of this server process, on the same database; secrets are not for them."""
    environment = {name: text for name, text in os.environ.items() if name != SECRET_VARIABLE}
    return StageProcesses([sys.executable, "-m", __name__], environment)


def main() -> None:
    """Stage batches until the server process is gone. Raises KeyError when CONSENTORY_DATABASE_URL is not set."""
    die_with_parent()
    configure_logs()
    calm_collector()
    return_memory()
    services = open_services(os.environ[DATABASE_VARIABLE])
    try:
        serve_calls(Connection(int(sys.argv[1])), services.staging)
    finally:
        services.close()


if __name__ == "__main__":
    main()
