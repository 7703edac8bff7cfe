"""Proofs that two implementations agree: training paths in double precision, central differences."""
