"""Everything that is known about gcc's command line, and the only place that starts gcc, as or ld.

It turns a user's compile command into text, facts files and objects.  It must not know what a
function, a rewrite or a verdict is.
"""
