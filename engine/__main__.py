"""``python -m engine`` is the command ``coursewright``."""

from engine.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
