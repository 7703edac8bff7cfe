"""How a chapter is put together: models, runs, comparisons, repeated seeds."""
