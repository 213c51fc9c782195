"""One translation unit's assembler text: its functions, data, canonical form, CFI and splice.

Also the decoder and the table of instructions.  It is pure text and bytes work: it must not know
C types, test inputs, stores or how a rewrite was found, and it starts no tool.
"""
