"""The texts of the exercises in English."""
