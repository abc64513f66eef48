"""``python -m facesmith`` is the command ``facesmith``."""

from facesmith.cli import main

if __name__ == "__main__":
    main()
