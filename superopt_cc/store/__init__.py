"""Keys, rewrites and their evidence, kept on this machine between builds (design 9).

It must not know who asks, how rewrites are found or whether they are faster: it keeps values
under keys that say everything they depend on (design 4.4).
"""
