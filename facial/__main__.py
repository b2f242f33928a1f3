"""``python -m facial``, and the command ``facial`` of an installed package."""

import sys

from facial.house import HOUSE


def main() -> int:
    """Run the command line in a process that knows the service's folders by their names."""
    if str(HOUSE) not in sys.path:
        sys.path.insert(0, str(HOUSE))
    from facial.command_line import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
