"""`python -m suifang` is the command `suifang`."""

from suifang.cli import main

if __name__ == "__main__":
    main()
