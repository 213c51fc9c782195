"""What was won once is found again: rewrites by what their targets do, whatever their text.

A rewrite that was verified for one function is kept under fingerprints of that function's
behaviour.  Another function with one of them is offered it.  It must not decide anything: equal
fingerprints are a guess, and the verifier judges the rewrite like any other.
"""
