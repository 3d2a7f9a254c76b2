"""`python -m palingen`: the command line."""

from palingen.cli import main

if __name__ == "__main__":
    main()
