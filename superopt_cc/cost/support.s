# What functions under test may call while they are timed.
#
# superopt.time.stub answers a call out from the list that the calling loop has put into
# superopt.time.answer: %rax, %rdx, %xmm0, %xmm1, next answer, number of pointers into the caller's
# frame that the call is passed, number of stores, which bits of %rax are those of the first
# argument.  Then for each such pointer where it is among
# the arguments, how far it leads into its object, and the word that keeps the object's address;
# for each store its destination, source, length, and a word that is added to the destination
# (cost/arena.py lays them out).
#
# The five functions that gcc calls by itself do what C says, plainly: both sides of a comparison
# call the same code.

	.bss
	.balign	64
	.globl	superopt.time.answer
superopt.time.answer:
	.zero	8
	.globl	superopt.time.zero
superopt.time.zero:
	.zero	8
	.globl	superopt.time.arguments
superopt.time.arguments:
	.zero	48
	.globl	superopt.time.frames
superopt.time.frames:
	.zero	512

	.text
	.p2align	6
	.globl	superopt.time.stub
	.type	superopt.time.stub, @function
superopt.time.stub:
	movq	superopt.time.answer(%rip), %r10
	movq	48(%r10), %r11
	movq	%r11, superopt.time.answer(%rip)
	movq	%rdi, %rax
	movq	%r9, 40+superopt.time.arguments(%rip)
	leaq	80(%r10), %r9
	movq	56(%r10), %r11
	testq	%r11, %r11
	je	2f
	movq	%rdi, superopt.time.arguments(%rip)
	movq	%rsi, 8+superopt.time.arguments(%rip)
	movq	%rdx, 16+superopt.time.arguments(%rip)
	movq	%rcx, 24+superopt.time.arguments(%rip)
	movq	%r8, 32+superopt.time.arguments(%rip)
1:	movq	(%r9), %rdi
	movq	(%rdi), %rdi
	subq	8(%r9), %rdi
	movq	16(%r9), %rsi
	movq	%rdi, (%rsi)
	addq	$24, %r9
	decq	%r11
	jne	1b
2:	movq	64(%r10), %r11
	jmp	4f
3:	movq	24(%r9), %rdi
	movq	(%rdi), %rdi
	addq	(%r9), %rdi
	movq	8(%r9), %rsi
	movq	16(%r9), %rcx
	rep movsb
	addq	$32, %r9
	decq	%r11
4:	testq	%r11, %r11
	jne	3b
	andq	72(%r10), %rax
	orq	(%r10), %rax
	movq	8(%r10), %rdx
	movups	16(%r10), %xmm0
	movups	32(%r10), %xmm1
	ret
	.size	superopt.time.stub, .-superopt.time.stub

# void *memmove(void *to, const void *from, size_t bytes): up to 32 bytes by overlapping moves
	.p2align	6
	.globl	superopt.time.memmove
	.type	superopt.time.memmove, @function
superopt.time.memmove:
	movq	%rdi, %rax
	cmpq	$16, %rdx
	jb	3f
	cmpq	$32, %rdx
	ja	1f
	movups	(%rsi), %xmm0
	movups	-16(%rsi,%rdx), %xmm1
	movups	%xmm0, (%rdi)
	movups	%xmm1, -16(%rdi,%rdx)
	ret
1:	movq	%rdi, %rcx
	subq	%rsi, %rcx
	cmpq	%rdx, %rcx
	jb	5f
	movups	-16(%rsi,%rdx), %xmm2
	leaq	-16(%rdi,%rdx), %r8
2:	movups	(%rsi), %xmm0
	addq	$16, %rsi
	movups	%xmm0, (%rdi)
	addq	$16, %rdi
	cmpq	%r8, %rdi
	jb	2b
	movups	%xmm2, (%r8)
	ret
3:	cmpq	$8, %rdx
	jb	4f
	movq	(%rsi), %rcx
	movq	-8(%rsi,%rdx), %r8
	movq	%rcx, (%rdi)
	movq	%r8, -8(%rdi,%rdx)
	ret
4:	cmpq	$4, %rdx
	jb	7f
	movl	(%rsi), %ecx
	movl	-4(%rsi,%rdx), %r8d
	movl	%ecx, (%rdi)
	movl	%r8d, -4(%rdi,%rdx)
	ret
5:	movups	(%rsi), %xmm2
6:	movups	-16(%rsi,%rdx), %xmm0
	movups	%xmm0, -16(%rdi,%rdx)
	subq	$16, %rdx
	cmpq	$16, %rdx
	ja	6b
	movups	%xmm2, (%rdi)
	ret
7:	testq	%rdx, %rdx
	je	8f
	movq	%rdx, %r9
	shrq	$1, %r9
	movzbl	(%rsi), %ecx
	movzbl	(%rsi,%r9), %r8d
	movzbl	-1(%rsi,%rdx), %r10d
	movb	%cl, (%rdi)
	movb	%r8b, (%rdi,%r9)
	movb	%r10b, -1(%rdi,%rdx)
8:	ret
	.size	superopt.time.memmove, .-superopt.time.memmove

# void *memset(void *to, int value, size_t bytes)
	.p2align	6
	.globl	superopt.time.memset
	.type	superopt.time.memset, @function
superopt.time.memset:
	movq	%rdi, %rax
	movzbl	%sil, %esi
	movabsq	$0x0101010101010101, %rcx
	imulq	%rcx, %rsi
	cmpq	$16, %rdx
	jb	2f
	movq	%rsi, %xmm0
	punpcklqdq	%xmm0, %xmm0
	leaq	-16(%rdi,%rdx), %r8
1:	movups	%xmm0, (%rdi)
	addq	$16, %rdi
	cmpq	%r8, %rdi
	jb	1b
	movups	%xmm0, (%r8)
	ret
2:	cmpq	$8, %rdx
	jb	3f
	movq	%rsi, (%rdi)
	movq	%rsi, -8(%rdi,%rdx)
	ret
3:	testq	%rdx, %rdx
	je	5f
4:	movb	%sil, -1(%rdi,%rdx)
	decq	%rdx
	jne	4b
5:	ret
	.size	superopt.time.memset, .-superopt.time.memset

# int memcmp(const void *left, const void *right, size_t bytes)
	.p2align	6
	.globl	superopt.time.memcmp
	.type	superopt.time.memcmp, @function
superopt.time.memcmp:
	subq	$16, %rdx
	jb	2f
1:	movups	(%rdi), %xmm0
	movups	(%rsi), %xmm1
	pcmpeqb	%xmm1, %xmm0
	pmovmskb	%xmm0, %eax
	subl	$0xffff, %eax
	jne	5f
	addq	$16, %rdi
	addq	$16, %rsi
	subq	$16, %rdx
	jae	1b
2:	addq	$16, %rdx
	je	4f
3:	movzbl	(%rdi), %eax
	movzbl	(%rsi), %ecx
	subl	%ecx, %eax
	jne	6f
	incq	%rdi
	incq	%rsi
	decq	%rdx
	jne	3b
4:	xorl	%eax, %eax
6:	ret
5:	addl	$0xffff, %eax
	notl	%eax
	bsfl	%eax, %ecx
	movzbl	(%rdi,%rcx), %eax
	movzbl	(%rsi,%rcx), %ecx
	subl	%ecx, %eax
	ret
	.size	superopt.time.memcmp, .-superopt.time.memcmp

# size_t strlen(const char *text): whole aligned blocks, so that no page is touched needlessly
	.p2align	6
	.globl	superopt.time.strlen
	.type	superopt.time.strlen, @function
superopt.time.strlen:
	movq	%rdi, %rdx
	andq	$-16, %rdx
	pxor	%xmm1, %xmm1
	movdqa	(%rdx), %xmm0
	pcmpeqb	%xmm1, %xmm0
	pmovmskb	%xmm0, %eax
	movl	%edi, %ecx
	andl	$15, %ecx
	shrl	%cl, %eax
	testl	%eax, %eax
	je	1f
	bsfl	%eax, %eax
	ret
1:	addq	$16, %rdx
	movdqa	(%rdx), %xmm0
	pcmpeqb	%xmm1, %xmm0
	pmovmskb	%xmm0, %eax
	testl	%eax, %eax
	je	1b
	bsfl	%eax, %eax
	subq	%rdi, %rdx
	addq	%rdx, %rax
	ret
	.size	superopt.time.strlen, .-superopt.time.strlen

	.section	.note.GNU-stack,"",@progbits
