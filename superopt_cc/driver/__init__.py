"""What the front door and the `as` shim do once there is work: selection, mode, splice, fallback.

Every failure in here ends in gcc's own object (design 1).  It must not know how rewrites are
found, verified or timed: it asks search, store and verify.
"""
