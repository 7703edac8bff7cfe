"""The texts of the exercises in Chinese."""
