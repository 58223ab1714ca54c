"""The command `tureen` of a wheel, which carries the program and the Node that runs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import List, NoReturn, Optional


def command_line() -> Optional[List[str]]:
    """Returns how the program of this installation is started; None for the client alone, which comes without it."""
    program = Path(__file__).resolve().parent / "program"
    found = sorted(program.glob("node_modules/node-*/bin/node"))
    return [str(found[0]), str(program / "bin" / "tureen.js")] if found else None


def main() -> NoReturn:
    """Hands over to the program."""
    command = command_line()
    if command is None:
        sys.exit("tureen: this installation has the client for Python alone. Install a wheel of a release, which has the command.")
    try:
        os.execv(command[0], [*command, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"tureen: {command[0]} cannot be started: {error}")
