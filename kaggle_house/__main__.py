"""Run `python -m kaggle_house`."""

from .cli import main

main()
