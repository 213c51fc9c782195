"""Counterexamples: made small, and told in the words of C."""
