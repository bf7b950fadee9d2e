"""`python -m fourkeys`."""

from fourkeys.cli import main

if __name__ == "__main__":
    main()
