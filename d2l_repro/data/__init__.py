"""Data sets and minibatches: published files, the embedded stand-ins, and what the book makes up."""
