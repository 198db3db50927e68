"""`python -m fraudray.cli`."""

from fraudray.cli import main

if __name__ == "__main__":
    main()
