"""`python -m mergec` is the `mergec` command."""

from mergec.cli import main

if __name__ == "__main__":
    main()
