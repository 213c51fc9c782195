#include "part.h.inc"
	.text
	.globl	three
	.type	three, @function
three:	movl	$THREE, %eax
	ret
	.size	three, .-three
	.section	.note.GNU-stack,"",@progbits
