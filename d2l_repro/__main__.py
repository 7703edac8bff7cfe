"""Start `d2l-repro`, which also runs as `python -m d2l_repro`."""

import sys
from typing import NoReturn

from .errors import one_line_errors

PROG = "d2l-repro"


def main() -> NoReturn:
    """Run the command; `doctor` also where packages are missing or broken that the others import."""
    with one_line_errors(PROG, importing=True):
        try:
            from .cli.main import main as run_command
        except Exception:
            from .settings import choose_language

            name, *argv = choose_language(sys.argv[1:]) or [""]
            if name != "doctor":
                raise
            sys.exit(_run_doctor(argv))
    run_command()


def _run_doctor(argv: "list[str]") -> int:
    """Run the doctor without the parser of the other commands."""
    from argparse import ArgumentParser
    from pathlib import Path

    from .cli.doctor import DoctorCommand

    parser = ArgumentParser(prog=f"{PROG} doctor", description=DoctorCommand.__doc__)
    parser.add_argument("--data-dir", type=Path, help="folder that contains fashion_mnist/, mnist/, ...")
    return DoctorCommand(parser.parse_args(argv).data_dir)()


if __name__ == "__main__":
    main()
