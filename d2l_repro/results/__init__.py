"""Run records, published values, figures and the report; nothing here imports MXNet."""
