"""`python -m kora_site.up`: `manage.py up` that need not load Django first."""

from __future__ import annotations

import sys

from kora_site import environment
from kora_site.up import door, errors, home
from kora_site.up.logs import Terminal
from kora_site.up.services import Services
from kora_site.up.supervisor import Supervisor
from kora_site.up.watch import Watch


def main() -> int:
    folder = environment.home()
    try:
        _lock = home.open_for_us(folder)
        _run()
    except errors.StartError as error:
        print(f"KORA cannot start: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"KORA cannot go on: {home.describe(error, folder)}", file=sys.stderr)
        return 1
    return 0


def _run() -> None:
    folder, terminal = environment.home(), Terminal()
    listening = door.listen(environment.host(), environment.port())
    environment.secret_key()  # made before the children would race to make it
    Supervisor(
        folder=folder,
        terminal=terminal,
        watch=Watch(terminal=terminal),
        services=Services(home=folder, terminal=terminal),
        door=listening,
    ).run()


if __name__ == "__main__":
    sys.exit(main())
