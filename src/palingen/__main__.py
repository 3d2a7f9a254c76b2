"""`python -m palingen`, the same as `palingen`."""

from palingen.cli import main

if __name__ == "__main__":
    main()
