"""Search on machine code itself: short expressions by enumeration, sequences by random moves.

For leaf functions over general registers.  What is found was right on test inputs only; that it
may replace gcc's code is for the verifier to say.
"""
